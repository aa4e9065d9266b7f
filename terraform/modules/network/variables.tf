variable "project" {
  description = "Prefix of every name."
  type        = string
}

variable "cidr" {
  description = "Network of the VPC."
  type        = string
}
