data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  parameters = "arn:${data.aws_partition.current.partition}:ssm:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:parameter${var.path}"
  log_groups = "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.name}:${data.aws_caller_identity.current.account_id}:log-group"

  # What a host of each kind reads below the path.
  sides = {
    training = ["training"]
    serving  = ["serving"]
    both     = ["training", "serving"]
  }
}

data "aws_iam_policy_document" "ec2" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "host" {
  for_each = var.hosts

  name               = "${var.project}-${each.key}"
  description        = "Host ${each.key}, side ${each.value}"
  assume_role_policy = data.aws_iam_policy_document.ec2.json
}

resource "aws_iam_instance_profile" "host" {
  for_each = var.hosts

  name = "${var.project}-${each.key}"
  role = aws_iam_role.host[each.key].name
}

resource "aws_iam_role_policy" "host" {
  for_each = var.hosts

  name   = "host"
  role   = aws_iam_role.host[each.key].id
  policy = data.aws_iam_policy_document.host[each.key].json
}

data "aws_iam_policy_document" "host" {
  #checkov:skip=CKV_AWS_356:The two statements with "*" hold actions that have no resource to name.
  #checkov:skip=CKV_AWS_111:The same.
  for_each = var.hosts

  source_policy_documents = concat(
    [data.aws_iam_policy_document.every_host.json],
    [for side in local.sides[each.value] : data.aws_iam_policy_document.side[side].json],
    [for side in local.sides[each.value] : data.aws_iam_policy_document.objects[side].json],
  )
}

# AWS's own policy AmazonSSMManagedInstanceCore would let each host read every parameter of the account.
data "aws_iam_policy_document" "every_host" {
  #checkov:skip=CKV_AWS_356:Session Manager's channels and ECR's token have no resource to name.
  #checkov:skip=CKV_AWS_111:The same.
  statement {
    sid       = "SessionManager"
    resources = ["*"]
    actions = [
      "ssm:UpdateInstanceInformation",
      "ssmmessages:CreateControlChannel",
      "ssmmessages:CreateDataChannel",
      "ssmmessages:OpenControlChannel",
      "ssmmessages:OpenDataChannel",
    ]
  }

  statement {
    sid       = "SignInToRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid       = "PullImages"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = var.repository_arns
  }

  statement {
    sid       = "FetchFilesOfReleases"
    actions   = ["s3:GetObject"]
    resources = ["${var.bucket_arns.artifacts}/releases/*"]
  }
}

data "aws_iam_policy_document" "side" {
  for_each = toset(["training", "serving"])

  statement {
    sid     = "ReadOwnParameters${title(each.value)}"
    actions = ["ssm:GetParametersByPath"]
    resources = flatten([
      for folder in ["shared", "release", each.value] : ["${local.parameters}/${folder}", "${local.parameters}/${folder}/*"]
    ])
  }

  statement {
    sid       = "WriteOwnLog${title(each.value)}"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${local.log_groups}:${var.path}/${each.value}:*"]
  }
}

# Training writes models and listings. Serving reads both, and writes only the archive of predictions.
data "aws_iam_policy_document" "objects" {
  for_each = {
    training = { read = ["artifacts", "data"], write = ["${var.bucket_arns.artifacts}/models/*", "${var.bucket_arns.data}/*"] }
    serving  = { read = ["artifacts", "data"], write = ["${var.bucket_arns.data}/data/archive/*"] }
  }

  statement {
    sid       = "ListBuckets${title(each.key)}"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [for name in each.value.read : var.bucket_arns[name]]
  }

  statement {
    sid       = "ReadObjects${title(each.key)}"
    actions   = ["s3:GetObject"]
    resources = [for name in each.value.read : "${var.bucket_arns[name]}/*"]
  }

  statement {
    sid       = "WriteObjects${title(each.key)}"
    actions   = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
    resources = each.value.write
  }
}
