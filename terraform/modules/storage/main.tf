data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  # Bucket names are unique in the whole world: the account and the region make them so.
  buckets = {
    for name in ["artifacts", "data"] :
    name => "${var.project}-${name}-${data.aws_caller_identity.current.account_id}-${data.aws_region.current.name}"
  }
}

# artifacts: models, plots and the files of releases. data: listings and the archive of predictions.
resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:Access logs would be a third bucket; CloudTrail's data events are the account's decision.
  #checkov:skip=CKV_AWS_144:One region is enough; make backup copies to any other place.
  #checkov:skip=CKV2_AWS_62:Nothing waits for events of these buckets.
  for_each = local.buckets

  bucket        = each.value
  force_destroy = !var.protected
  tags          = { Name = each.value }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    bucket_key_enabled = true # one request to KMS for many objects

    apply_server_side_encryption_by_default {
      sse_algorithm = "aws:kms" # with AWS's own key: setup/decisions/0035-secrets-without-state.md
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = aws_s3_bucket.this

  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

data "aws_iam_policy_document" "tls_only" {
  for_each = aws_s3_bucket.this

  statement {
    sid       = "OnlyEncryptedConnections"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [each.value.arn, "${each.value.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id
  policy = data.aws_iam_policy_document.tls_only[each.key].json

  depends_on = [aws_s3_bucket_public_access_block.this]
}

# Nothing expires by its age: models name old versions of the listings. `vehicle-price data prune` deletes what no
# registered model needs, and these rules remove what was deleted or overwritten.
resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = aws_s3_bucket.this

  bucket = each.value.id

  rule {
    id     = "old-versions"
    status = "Enabled"

    filter {
      prefix = "" # every object
    }

    noncurrent_version_expiration {
      noncurrent_days = var.old_versions_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}
