variable "project" {
  description = "Prefix of every name."
  type        = string
}

variable "path" {
  description = "Beginning of the names of parameters and log groups, such as /vehicle-price."
  type        = string
}

variable "hosts" {
  description = "The side (training, serving, both) of each host."
  type        = map(string)
}

variable "bucket_arns" {
  description = "ARNs of the buckets artifacts and data."
  type        = map(string)
}

variable "repository_arns" {
  description = "ARNs of the image repositories."
  type        = list(string)
}

variable "github_repository" {
  description = "owner/name on GitHub, or empty."
  type        = string
}
