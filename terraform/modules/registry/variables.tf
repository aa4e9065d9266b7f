variable "project" {
  description = "Prefix of every repository."
  type        = string
}

variable "repositories" {
  description = "Names of the images, one repository for each."
  type        = set(string)
}

variable "kept_images" {
  description = "Images that stay in each repository."
  type        = number
  default     = 20
}

variable "protected" {
  description = "Whether a repository with images refuses to be deleted."
  type        = bool
}
