output "bucket_names" {
  description = "Names of the buckets artifacts and data."
  value       = { for name, bucket in aws_s3_bucket.this : name => bucket.bucket }
}

output "bucket_arns" {
  description = "ARNs of the buckets artifacts and data."
  value       = { for name, bucket in aws_s3_bucket.this : name => bucket.arn }
}
