resource "aws_s3_bucket" "material" {
  bucket = var.bucket

  # A bucket with anything in it is never thrown away by a plan.
  force_destroy = false

  lifecycle {
    prevent_destroy = true
  }
}

# Every object belongs to the account, and access lists do not exist.
resource "aws_s3_bucket_ownership_controls" "material" {
  bucket = aws_s3_bucket.material.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "material" {
  bucket = aws_s3_bucket.material.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# What is stored is ciphertext already; this is the provider's own layer, with the provider's key.
resource "aws_s3_bucket_server_side_encryption_configuration" "material" {
  bucket = aws_s3_bucket.material.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

# Versions undo a mistake made past the gateway. The gateway never overwrites material, and an erasure
# deletes every version by its identifier.
resource "aws_s3_bucket_versioning" "material" {
  bucket = aws_s3_bucket.material.id

  versioning_configuration {
    status = "Enabled"
  }
}

# There is no replication and no object lock here, and the gateway refuses to start if there is.

resource "aws_s3_bucket_lifecycle_configuration" "material" {
  bucket = aws_s3_bucket.material.id

  # An upload the gateway lost sight of: its own uploads expire after seven days.
  rule {
    id     = "abort-unfinished-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 8
    }
  }

  rule {
    id     = "expire-noncurrent-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  # Whether a version is noncurrent is settled first.
  depends_on = [aws_s3_bucket_versioning.material]
}

resource "aws_s3_bucket_policy" "material" {
  bucket = aws_s3_bucket.material.id
  policy = data.aws_iam_policy_document.bucket.json

  # A policy is refused while it could be taken for a public one.
  depends_on = [aws_s3_bucket_public_access_block.material]
}

data "aws_iam_policy_document" "bucket" {
  statement {
    sid       = "OnlyOverTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.material.arn, "${aws_s3_bucket.material.arn}/*"]

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

  statement {
    sid       = "OnlyOverTls12OrLater"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.material.arn, "${aws_s3_bucket.material.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "NumericLessThan"
      variable = "s3:TlsVersion"
      values   = ["1.2"]
    }
  }

  # Administrators of the account have no business with objects, ciphertext though they are.
  statement {
    sid    = "OnlyTheGatewayTouchesObjects"
    effect = "Deny"
    actions = [
      "s3:GetObject*",
      "s3:PutObject*",
      "s3:DeleteObject*",
      "s3:RestoreObject",
      "s3:AbortMultipartUpload",
    ]
    resources = ["${aws_s3_bucket.material.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "ArnNotEquals"
      variable = "aws:PrincipalArn"
      values   = [local.gateway_arn]
    }
  }

  # Whatever would carry material elsewhere, keep it past an erasure, or list it for somebody else.
  statement {
    sid    = "NothingCarriesMaterialElsewhere"
    effect = "Deny"
    actions = [
      "s3:PutReplicationConfiguration",
      "s3:PutBucketObjectLockConfiguration",
      "s3:PutAccelerateConfiguration",
      "s3:PutInventoryConfiguration",
      "s3:PutBucketAcl",
      "s3:PutBucketCORS",
      "s3:PutBucketWebsite",
    ]
    resources = [aws_s3_bucket.material.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }

  dynamic "statement" {
    for_each = length(var.allowed_networks) > 0 ? [var.allowed_networks] : []

    content {
      sid       = "OnlyFromAllowedNetworks"
      effect    = "Deny"
      actions   = ["s3:GetObject*", "s3:PutObject*", "s3:DeleteObject*"]
      resources = ["${aws_s3_bucket.material.arn}/*"]

      principals {
        type        = "*"
        identifiers = ["*"]
      }

      condition {
        test     = "NotIpAddress"
        variable = "aws:SourceIp"
        values   = statement.value
      }
    }
  }
}
