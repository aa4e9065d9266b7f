variable "project" {
  description = "Prefix of every name."
  type        = string
}

variable "name" {
  description = "Name of the host."
  type        = string
}

variable "side" {
  description = "What it runs: training, serving or both."
  type        = string
}

variable "instance_type" {
  description = "EC2 instance type."
  type        = string
}

variable "required_memory_mib" {
  description = "Memory that the side needs."
  type        = number
}

variable "disk_gib" {
  description = "Size of the volume with the containers' data."
  type        = number
}

variable "subnet_id" {
  description = "Subnet of the host."
  type        = string
}

variable "availability_zone" {
  description = "Zone of the subnet."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "vpc_cidr" {
  description = "Network of the VPC."
  type        = string
}

variable "private_ip" {
  description = "Its address in the subnet, by which the other host finds it."
  type        = string
}

variable "fixed_address" {
  description = "Whether its public address stays when the host is replaced."
  type        = bool
}

variable "ingress" {
  description = "Who may reach which port."
  type        = map(object({ description = string, port = number, cidr = string }))
}

variable "egress_ports" {
  description = "TCP ports on the internet besides 80 and 443."
  type        = set(number)
}

variable "instance_profile" {
  description = "Instance profile with the host's role."
  type        = string
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "parameter_path" {
  description = "Beginning of the parameters' names, such as /vehicle-price."
  type        = string
}

variable "releases_url" {
  description = "Where the files of releases are, such as s3://bucket/releases."
  type        = string
}

variable "protected" {
  description = "Whether the host refuses to be terminated."
  type        = bool
}
