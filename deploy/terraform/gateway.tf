# What the gateway may do: what it asks of the bucket at start, and what it does with objects.
data "aws_iam_policy_document" "gateway" {
  statement {
    sid    = "AskAboutTheBucket"
    effect = "Allow"
    actions = [
      "s3:GetBucketLocation",
      "s3:GetBucketObjectLockConfiguration",
      "s3:GetBucketVersioning",
      "s3:GetReplicationConfiguration",
      "s3:ListBucket",
      "s3:ListBucketMultipartUploads",
      "s3:ListBucketVersions",
    ]
    resources = [aws_s3_bucket.material.arn]
  }

  statement {
    sid    = "KeepObjects"
    effect = "Allow"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:DeleteObject",
      "s3:DeleteObjectVersion",
      "s3:GetObject",
      "s3:GetObjectVersion",
      "s3:ListMultipartUploadParts",
      "s3:PutObject",
    ]
    resources = ["${aws_s3_bucket.material.arn}/*"]
  }

  # Should this identity be used from anywhere by mistake, it still reaches one region only.
  statement {
    sid         = "NowhereElse"
    effect      = "Deny"
    not_actions = ["sts:GetCallerIdentity"]
    resources   = ["*"]

    condition {
      test     = "StringNotEquals"
      variable = "aws:RequestedRegion"
      values   = [var.region]
    }
  }
}

resource "aws_iam_policy" "gateway" {
  name        = "strongroom-gateway-${var.bucket}"
  description = "What the Strongroom gateway may do with its bucket."
  policy      = data.aws_iam_policy_document.gateway.json
}

locals {
  as_role     = var.gateway == "role"
  gateway_arn = local.as_role ? aws_iam_role.gateway[0].arn : aws_iam_user.gateway[0].arn
}

# On a machine in this account: short-lived credentials, and no access key to lose.
data "aws_iam_policy_document" "assume" {
  statement {
    effect  = "Allow"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "gateway" {
  count = local.as_role ? 1 : 0

  name               = "strongroom-gateway-${var.bucket}"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}

resource "aws_iam_role_policy_attachment" "gateway" {
  count = local.as_role ? 1 : 0

  role       = aws_iam_role.gateway[0].name
  policy_arn = aws_iam_policy.gateway.arn
}

resource "aws_iam_instance_profile" "gateway" {
  count = local.as_role ? 1 : 0

  name = "strongroom-gateway-${var.bucket}"
  role = aws_iam_role.gateway[0].name
}

# On a machine elsewhere: a user. Its access key is made by hand and goes straight into a credential of
# the machine, because whatever Terraform makes it also writes into its state.
resource "aws_iam_user" "gateway" {
  count = local.as_role ? 0 : 1

  name = "strongroom-gateway-${var.bucket}"
}

resource "aws_iam_user_policy_attachment" "gateway" {
  count = local.as_role ? 0 : 1

  user       = aws_iam_user.gateway[0].name
  policy_arn = aws_iam_policy.gateway.arn
}
