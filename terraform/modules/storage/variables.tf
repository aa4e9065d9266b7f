variable "project" {
  description = "Prefix of every name."
  type        = string
}

variable "protected" {
  description = "Whether a bucket with objects refuses to be deleted."
  type        = bool
}

variable "old_versions_days" {
  description = "Days that an overwritten or deleted object can still be restored."
  type        = number
  default     = 30
}
