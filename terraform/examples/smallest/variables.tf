variable "project" {
  description = "Prefix of every name."
  type        = string
  default     = "vehicle-price"
}

variable "release" {
  description = "Commit that the first boot starts: git rev-parse HEAD."
  type        = string
}

variable "alarm_email" {
  description = "Address that alarms and the budget write to."
  type        = string
}

variable "service_cidrs" {
  description = "Networks that may reach the service."
  type        = list(string)
  default     = []
}

variable "settings" {
  description = "Settings of setup/configuration.md, such as { SOURCE = \"kaggle\" }."
  type        = map(string)
  default     = {}
}

variable "protected" {
  description = "Whether what holds data refuses to be deleted."
  type        = bool
  default     = true
}
