output "instance_profiles" {
  description = "Instance profile of each host."
  value       = { for name, profile in aws_iam_instance_profile.host : name => profile.name }
}

output "host_policies" {
  description = "What each host may do, as JSON."
  value       = { for name, policy in aws_iam_role_policy.host : name => policy.policy }
}

output "github_role_arn" {
  description = "Role for GitHub's workflows; null without a repository."
  value       = one([for role in aws_iam_role.github : role.arn])
}
