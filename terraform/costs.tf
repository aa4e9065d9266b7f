# What an installation costs, as quantities times prices, so that everybody can put in their own. Only what has a
# price by the hour or by the gigabyte and is known beforehand; traffic to the internet is not.
variable "prices" {
  description = "Prices in USD without taxes, on demand. An instance type that is not in the map makes its line and the total null."
  type = object({
    date                     = string
    region                   = string
    instance_hour            = map(string)
    database_hour            = map(string)
    volume_gib_month         = number
    database_gib_month       = number
    public_address_hour      = number
    objects_gib_month        = number
    images_gib_month         = number
    logs_gib                 = number
    alarm_month              = number
    hours_a_month            = number
    assumed_objects_gib      = number
    assumed_images_gib       = number
    assumed_logs_gib_a_month = number
  })
  default = {
    date                     = "2026-11, from memory, not verified against AWS's price list"
    region                   = "us-east-1"
    instance_hour            = { "t3.medium" = "0.0416", "t3.large" = "0.0832", "t3.xlarge" = "0.1664", "m7i.large" = "0.1008", "m7i.xlarge" = "0.2016" }
    database_hour            = { "db.t4g.micro" = "0.016", "db.t4g.small" = "0.032", "db.t4g.medium" = "0.065" }
    volume_gib_month         = 0.08
    database_gib_month       = 0.115
    public_address_hour      = 0.005
    objects_gib_month        = 0.023
    images_gib_month         = 0.10
    logs_gib                 = 0.50
    alarm_month              = 0.10
    hours_a_month            = 730
    assumed_objects_gib      = 20
    assumed_images_gib       = 10
    assumed_logs_gib_a_month = 2
  }
}

locals {
  zones_of_database = var.database == null ? 0 : var.database.multi_az ? 2 : 1
  alarms            = 2 * length(var.hosts) + 3 * min(local.zones_of_database, 1)

  cost_lines = merge(
    { for name, host in var.hosts : "host ${name}, ${host.instance_type}, hours" => {
      quantity = var.prices.hours_a_month
      price    = try(tonumber(var.prices.instance_hour[host.instance_type]), null)
    } },
    var.database == null ? {} : {
      "database ${var.database.instance_class}, hours" = {
        quantity = var.prices.hours_a_month * local.zones_of_database
        price    = try(tonumber(var.prices.database_hour[var.database.instance_class]), null)
      }
      "database storage, GiB" = { quantity = var.database.storage_gib * local.zones_of_database, price = var.prices.database_gib_month }
    },
    {
      "volumes, GiB"            = { quantity = sum([for host in var.hosts : host.disk_gib + 16]), price = var.prices.volume_gib_month }
      "public addresses, hours" = { quantity = var.prices.hours_a_month * length(var.hosts), price = var.prices.public_address_hour }
      "S3, GiB (assumed)"       = { quantity = var.prices.assumed_objects_gib, price = var.prices.objects_gib_month }
      "images, GiB (assumed)"   = { quantity = var.prices.assumed_images_gib, price = var.prices.images_gib_month }
      "logs, GiB (assumed)"     = { quantity = var.prices.assumed_logs_gib_a_month, price = var.prices.logs_gib }
      "alarms"                  = { quantity = local.alarms, price = var.prices.alarm_month }
    },
  )

  costs = { for line, cost in local.cost_lines : line => cost.price == null ? null : cost.quantity * cost.price }
}

output "monthly_costs_usd" {
  description = "Quantities times prices; not verified."
  value = {
    prices_of = "${var.prices.date}; ${var.prices.region}"
    lines     = { for line, cost in local.cost_lines : line => merge(cost, { usd = local.costs[line] }) }
    total_usd = contains([for usd in values(local.costs) : usd == null], true) ? null : sum(values(local.costs))
  }
}
