output "region" {
  description = "AWS region. AWS_DEFAULT_REGION of a deployment."
  value       = local.region
}

output "image_registry" {
  description = "Prefix of the images: IMAGE_REGISTRY of a deployment, ECR_REPO of the GitHub workflows."
  value       = local.shared_settings.IMAGE_REGISTRY
}

output "releases_url" {
  description = "Where `setup/deploy/publish_release.sh` puts the files of a commit: RELEASES_URL."
  value       = "s3://${module.storage.bucket_names.artifacts}/releases"
}

output "release_parameter" {
  description = "Parameter with the commit that a host starts at its next boot: RELEASE_PARAMETER."
  value       = module.secrets.release_parameter
}

output "bucket_names" {
  description = "The buckets artifacts and data."
  value       = module.storage.bucket_names
}

output "instance_ids" {
  description = "EC2 instance of each host, for `aws ssm start-session --target`."
  value       = { for name, host in module.host : name => host.instance_id }
}

output "private_ips" {
  description = "Address of each host inside the VPC."
  value       = { for name, host in module.host : name => host.private_ip }
}

output "service_url" {
  description = "Address of the service, for the networks in service_cidrs."
  value       = "${var.service_tls ? "https" : "http"}://${module.host[local.host_of.serving].public_ip}:${local.client_port}"
}

output "database_address" {
  description = "Host name of RDS; null where PostgreSQL runs in a container."
  value       = one(module.database[*].address)
}

output "secret_names" {
  description = "Parameter of each generated secret, for `aws ssm get-parameter --with-decryption --name`."
  value       = module.secrets.secret_names
}

output "github_role_arn" {
  description = "Role for the GitHub workflows (role-to-assume); null without github_repository."
  value       = module.identity.github_role_arn
}

output "host_policies" {
  description = "What each host may do, for review."
  value       = module.identity.host_policies
}

output "log_groups" {
  description = "CloudWatch log group of each side."
  value       = module.monitoring.log_groups
}
