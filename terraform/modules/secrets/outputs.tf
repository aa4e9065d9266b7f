output "database_password" {
  description = "The superuser's password as Parameter Store has it, while Terraform runs."
  value       = ephemeral.aws_ssm_parameter.database_password.value
  ephemeral   = true
  sensitive   = true
}

output "secret_names" {
  description = "Full name of each generated secret."
  value       = { for name, parameter in aws_ssm_parameter.secret : name => parameter.name }
}

output "release_parameter" {
  description = "Name of the parameter with the commit that runs."
  value       = aws_ssm_parameter.release.name
}
