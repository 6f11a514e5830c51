output "bucket" {
  description = "For `strongroom vault init --bucket`."
  value       = aws_s3_bucket.material.bucket
}

output "region" {
  description = "For `strongroom vault init --region`."
  value       = var.region
}

output "gateway" {
  description = "What the gateway acts as."
  value       = local.gateway_arn
}

output "instance_profile" {
  description = "The profile to start the gateway's machine with, when it acts as a role."
  value       = local.as_role ? aws_iam_instance_profile.gateway[0].name : null
}
