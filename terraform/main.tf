# What the parts share. Run it through one of the folders of examples/, which hold provider and state.
data "aws_region" "current" {}

locals {
  region = data.aws_region.current.name
  path   = "/${var.project}"

  # What each kind of host runs.
  sides = { training = ["training"], serving = ["serving"], both = ["training", "serving"] }

  host_names  = sort(keys(var.hosts))
  private_ips = { for index, name in local.host_names : name => cidrhost(module.network.public_subnet_cidr, 10 + index) }
  host_of     = { for side in ["training", "serving"] : side => one([for name in local.host_names : name if contains(local.sides[var.hosts[name].side], side)]) }
  two_hosts   = local.host_of.training != local.host_of.serving

  ports = { mlflow = 5001, airflow = 8080, postgres = 5433, service = 5000, service_tls = 5443 }
}

module "network" {
  source = "./modules/network"

  project = var.project
  cidr    = var.vpc_cidr
}

module "storage" {
  source = "./modules/storage"

  project   = var.project
  protected = var.protected
}

module "registry" {
  source = "./modules/registry"

  project      = var.project
  repositories = ["airflow", "mlflow", "service", "streamlit", "evidently_service"]
  protected    = var.protected
}

module "secrets" {
  source = "./modules/secrets"

  path            = local.path
  generated       = local.generated_secrets
  secrets_version = var.secrets_version
  padded          = ["AIRFLOW_FERNET_KEY", "MLFLOW_WEBHOOK_KEY"]
  settings        = local.settings
  release         = var.release
}

module "identity" {
  source = "./modules/identity"

  project           = var.project
  path              = local.path
  hosts             = { for name, host in var.hosts : name => host.side }
  bucket_arns       = module.storage.bucket_arns
  repository_arns   = module.registry.repository_arns
  github_repository = var.github_repository
}

module "host" {
  source   = "./modules/compute"
  for_each = var.hosts

  project             = var.project
  name                = each.key
  side                = each.value.side
  instance_type       = each.value.instance_type
  required_memory_mib = local.required_memory_mib[each.value.side]
  disk_gib            = each.value.disk_gib
  vpc_id              = module.network.vpc_id
  vpc_cidr            = var.vpc_cidr
  subnet_id           = module.network.public_subnet_id
  availability_zone   = module.network.availability_zone
  private_ip          = local.private_ips[each.key]
  fixed_address       = each.key == local.host_of.serving
  ingress             = merge([for side in local.sides[each.value.side] : local.ingress[side]]...)
  egress_ports        = var.egress_ports
  instance_profile    = module.identity.instance_profiles[each.key]
  region              = local.region
  parameter_path      = local.path
  releases_url        = "s3://${module.storage.bucket_names.artifacts}/releases"
  protected           = var.protected
}

module "database" {
  source = "./modules/database"
  count  = var.database == null ? 0 : 1

  project                 = var.project
  vpc_id                  = module.network.vpc_id
  subnet_ids              = module.network.database_subnet_ids
  client_addresses        = local.private_ips
  instance_class          = var.database.instance_class
  storage_gib             = var.database.storage_gib
  max_storage_gib         = var.database.max_storage_gib
  backup_days             = var.database.backup_days
  multi_az                = var.database.multi_az
  master_password         = module.secrets.database_password
  master_password_version = var.secrets_version
  protected               = var.protected
}

module "monitoring" {
  source = "./modules/monitoring"

  project             = var.project
  path                = local.path
  instance_ids        = { for name, host in module.host : name => host.instance_id }
  database_identifier = var.database == null ? null : var.project
  email               = var.alarm_email
  monthly_budget_usd  = var.monthly_budget_usd
}
