variable "project" {
  description = "Prefix of every name."
  type        = string
}

variable "path" {
  description = "Beginning of the log groups' names, such as /vehicle-price."
  type        = string
}

variable "instance_ids" {
  description = "EC2 instances by the name of the host."
  type        = map(string)
}

variable "database_identifier" {
  description = "RDS instance; null where there is none."
  type        = string
}

variable "email" {
  description = "Address that alarms and the budget write to."
  type        = string
}

variable "monthly_budget_usd" {
  description = "Costs of a month above which the budget writes."
  type        = number
}

variable "log_days" {
  description = "Days that CloudWatch keeps the containers' logs."
  type        = number
  default     = 30
}
