# Training and serving on hosts of their own, so that a training cannot slow prices down; a database with backups
# and a second zone; deployments by GitHub without keys.
module "vehicle_price" {
  source = "../.."

  project = var.project
  release = var.release

  hosts = {
    training = { side = "training", instance_type = "m7i.large", disk_gib = 60 }
    serving  = { side = "serving", instance_type = "t3.large", disk_gib = 40 }
  }

  database = {
    instance_class  = "db.t4g.small"
    storage_gib     = 20
    max_storage_gib = 200
    backup_days     = 14
    multi_az        = true
  }

  github_repository  = var.github_repository
  service_cidrs      = var.service_cidrs
  settings           = var.settings
  alarm_email        = var.alarm_email
  monthly_budget_usd = 400
  protected          = var.protected
}
