# One host with everything, PostgreSQL in a container: for one person, or to try it out.
module "vehicle_price" {
  source = "../.."

  project = var.project
  release = var.release

  hosts = {
    all = { side = "both", instance_type = "t3.large", disk_gib = 40 }
  }

  service_cidrs      = var.service_cidrs
  settings           = var.settings
  alarm_email        = var.alarm_email
  monthly_budget_usd = 100
  protected          = var.protected
}
