variable "project" {
  description = "Prefix of every name. A second installation in the same account needs another one."
  type        = string
  default     = "vehicle-price"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.project))
    error_message = "project must be 3 to 24 lower-case letters, digits and hyphens, and begin with a letter: bucket names are made of it."
  }
}

variable "hosts" {
  description = <<-EOT
    The EC2 hosts by name. `side` is what a host runs: training (Airflow, MLflow), serving (nginx, service, pages) or
    both. `disk_gib` is the size of the volume with the containers' data, which outlives the host.
  EOT
  type = map(object({
    side          = string
    instance_type = string
    disk_gib      = number
  }))

  validation {
    condition     = contains(["both", "serving,training"], join(",", sort([for host in var.hosts : host.side])))
    error_message = "hosts must be one host with side = \"both\", or two with side = \"training\" and side = \"serving\"."
  }

  validation {
    condition     = alltrue([for host in var.hosts : host.disk_gib >= 20 && host.disk_gib <= 16384])
    error_message = "disk_gib must be 20 to 16384: the images alone take several gigabytes."
  }

  validation {
    condition     = alltrue([for name in keys(var.hosts) : can(regex("^[a-z][a-z0-9-]{0,15}$", name))])
    error_message = "The name of a host must be at most 16 lower-case letters, digits and hyphens."
  }
}

variable "database" {
  description = "RDS PostgreSQL. null: PostgreSQL runs in a container on the training host, and `make backup` is its only backup."
  type = object({
    instance_class  = string
    storage_gib     = number
    max_storage_gib = number
    backup_days     = number
    multi_az        = bool
  })
  default = null

  validation {
    condition     = var.database == null ? true : var.database.backup_days >= 1 && var.database.backup_days <= 35
    error_message = "database.backup_days must be 1 to 35: 0 would switch backups off."
  }

  validation {
    condition     = var.database == null ? true : var.database.storage_gib >= 20 && var.database.max_storage_gib > var.database.storage_gib
    error_message = "database.storage_gib must be 20 or more and database.max_storage_gib larger, so that storage can grow."
  }
}

variable "service_cidrs" {
  description = "Networks that may reach the service. Empty: nobody; use a tunnel of Session Manager (setup/setup_terraform.md)."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.service_cidrs : can(cidrnetmask(cidr))])
    error_message = "service_cidrs must be IPv4 networks such as 203.0.113.0/24."
  }
}

variable "service_tls" {
  description = "Whether clients speak TLS, on port 5443 in place of 5000. The certificate is put onto the host by hand (setup/setup_terraform.md)."
  type        = bool
  default     = false
}

variable "egress_ports" {
  description = "TCP ports that the hosts may reach on the internet besides 80 and 443, such as 27017 (MongoDB) or 587 (e-mail)."
  type        = set(number)
  default     = []

  validation {
    condition     = alltrue([for port in var.egress_ports : port >= 1 && port <= 65535])
    error_message = "egress_ports must be ports from 1 to 65535."
  }
}

variable "settings" {
  description = "Settings of setup/configuration.md for both sides, such as { SOURCE = \"kaggle\" }. Nothing secret: the state shows them."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.settings) : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !can(regex("PASSWORD|SECRET|TOKEN|_KEY$|MONGODB_URL", name))])
    error_message = "settings must have names in capitals, and none that holds a secret: put a secret into Parameter Store by hand (setup/setup_terraform.md)."
  }

  validation {
    condition     = alltrue([for value in values(var.settings) : length(value) > 0 && !can(regex("\n", value))])
    error_message = "A setting's value must be one line that is not empty: Parameter Store takes no empty value."
  }
}

variable "release" {
  description = "Commit whose images and files the first boot starts. Deployments change it afterwards; Terraform does not set it back."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{40}$", var.release))
    error_message = "release must be a commit, as 40 hexadecimal digits: git rev-parse HEAD."
  }
}

variable "github_repository" {
  description = "owner/name on GitHub whose workflows may push images and releases without a key. Empty: none."
  type        = string
  default     = ""

  validation {
    condition     = var.github_repository == "" || can(regex("^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "github_repository must be owner/name, without https://."
  }
}

variable "alarm_email" {
  description = "Address that alarms and the budget write to. AWS asks it to confirm."
  type        = string

  validation {
    condition     = can(regex("^[^@ ]+@[^@ ]+\\.[^@ ]+$", var.alarm_email))
    error_message = "alarm_email must be an e-mail address."
  }
}

variable "monthly_budget_usd" {
  description = "Costs of the account in a month above which the budget writes: at 80 % of it, and when 100 % is forecast."
  type        = number

  validation {
    condition     = var.monthly_budget_usd > 0
    error_message = "monthly_budget_usd must be more than 0."
  }
}

variable "vpc_cidr" {
  description = "Network of the VPC. Another one is needed only where it is to be joined with other networks."
  type        = string
  default     = "10.20.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.vpc_cidr)) && try(tonumber(split("/", var.vpc_cidr)[1]) <= 20, false)
    error_message = "vpc_cidr must be an IPv4 network of /20 or larger."
  }
}

variable "secrets_version" {
  description = "A higher number generates every secret anew. Read \"Change the secrets\" in setup/setup_terraform.md first."
  type        = number
  default     = 1

  validation {
    condition     = var.secrets_version >= 1 && floor(var.secrets_version) == var.secrets_version
    error_message = "secrets_version must be a whole number from 1 on."
  }
}

variable "protected" {
  description = "Whether hosts, database and buckets refuse to be deleted while they hold data. Set it to false, apply, then destroy."
  type        = bool
  default     = true
}
