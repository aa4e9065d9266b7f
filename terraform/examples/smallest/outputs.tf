output "deployment" {
  description = "What setup/deploy/ reads, as environment variables: terraform output -json deployment."
  value = {
    AWS_DEFAULT_REGION = module.vehicle_price.region
    IMAGE_REGISTRY     = module.vehicle_price.image_registry
    RELEASES_URL       = module.vehicle_price.releases_url
    RELEASE_PARAMETER  = module.vehicle_price.release_parameter
  }
}

output "service_url" {
  description = "Address of the service."
  value       = module.vehicle_price.service_url
}

output "instance_ids" {
  description = "For aws ssm start-session --target."
  value       = module.vehicle_price.instance_ids
}

output "secret_names" {
  description = "For aws ssm get-parameter --with-decryption --name."
  value       = module.vehicle_price.secret_names
}

output "monthly_costs_usd" {
  description = "Quantities times prices; not verified."
  value       = module.vehicle_price.monthly_costs_usd
}
