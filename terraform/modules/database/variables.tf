variable "project" {
  description = "Prefix of every name."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the database."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets in two zones."
  type        = list(string)
}

variable "client_addresses" {
  description = "Private addresses that may connect, by the name of the host."
  type        = map(string)
}

variable "instance_class" {
  description = "Class of the instance, such as db.t4g.small."
  type        = string
}

variable "storage_gib" {
  description = "Storage at the start."
  type        = number
}

variable "max_storage_gib" {
  description = "Size up to which the storage grows by itself."
  type        = number
}

variable "backup_days" {
  description = "Days that one can go back to."
  type        = number
}

variable "multi_az" {
  description = "Whether a second instance in another zone takes over when the first one fails."
  type        = bool
}

variable "master_password" {
  description = "Password of the superuser; not kept in the state."
  type        = string
  ephemeral   = true
  sensitive   = true
}

variable "master_password_version" {
  description = "A change of this number sends the password again."
  type        = number
}

variable "protected" {
  description = "Whether the database refuses to be deleted, and leaves a last snapshot."
  type        = bool
}
