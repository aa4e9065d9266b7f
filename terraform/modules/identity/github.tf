# GitHub's workflows get a token for an hour; there is no key that could be lost.
locals {
  github = var.github_repository == "" ? toset([]) : toset([var.github_repository])
}

resource "aws_iam_openid_connect_provider" "github" {
  for_each = local.github

  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "github_trust" {
  for_each = local.github

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.github[each.key].arn]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }

    # Of the branch main and of the environment production only, never of a pull request.
    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:sub"
      values   = ["repo:${each.value}:ref:refs/heads/main", "repo:${each.value}:environment:production"]
    }
  }
}

resource "aws_iam_role" "github" {
  for_each = local.github

  name                 = "${var.project}-github"
  description          = "Workflows of ${each.value}: push images and releases"
  assume_role_policy   = data.aws_iam_policy_document.github_trust[each.key].json
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "github" {
  for_each = local.github

  name   = "push-releases"
  role   = aws_iam_role.github[each.key].id
  policy = data.aws_iam_policy_document.github.json
}

data "aws_iam_policy_document" "github" {
  #checkov:skip=CKV_AWS_356:ECR's token has no resource to name.
  statement {
    sid       = "SignInToRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid = "PushImages"
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:CompleteLayerUpload",
      "ecr:DescribeImages",
      "ecr:GetDownloadUrlForLayer",
      "ecr:InitiateLayerUpload",
      "ecr:PutImage",
      "ecr:UploadLayerPart",
    ]
    resources = var.repository_arns
  }

  statement {
    sid       = "PublishFilesOfReleases"
    actions   = ["s3:PutObject"]
    resources = ["${var.bucket_arns.artifacts}/releases/*"]
  }

  statement {
    sid       = "NameTheRelease"
    actions   = ["ssm:GetParameter", "ssm:GetParametersByPath", "ssm:PutParameter"]
    resources = ["${local.parameters}/release", "${local.parameters}/release/*"]
  }

  # Written at a deployment, from GitHub's secret of the same name; not to be read again.
  statement {
    sid       = "PutSecretsOfHosts"
    actions   = ["ssm:PutParameter"]
    resources = ["${local.parameters}/shared/MONGODB_URL"]
  }
}
