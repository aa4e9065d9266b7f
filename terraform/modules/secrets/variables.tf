variable "path" {
  description = "Beginning of every parameter's name, such as /vehicle-price."
  type        = string
}

variable "generated" {
  description = "Names of the generated secrets, and who reads each: shared, training or serving."
  type        = map(string)

  validation {
    condition     = alltrue([for reader in values(var.generated) : contains(["shared", "training", "serving"], reader)])
    error_message = "A secret is for shared, training or serving."
  }
}

variable "padded" {
  description = "Those of them that are keys in base64, which end with =."
  type        = set(string)
}

variable "secrets_version" {
  description = "A higher number generates every secret anew."
  type        = number
}

variable "settings" {
  description = "Settings by path: shared/NAME, training/NAME or serving/NAME."
  type        = map(string)
}

variable "release" {
  description = "Commit that the first boot starts."
  type        = string
}
