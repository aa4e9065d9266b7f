output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "public_subnet_id" {
  description = "Subnet of the hosts."
  value       = aws_subnet.public.id
}

output "public_subnet_cidr" {
  description = "Network of the hosts' subnet; the hosts' private addresses are counted in it."
  value       = aws_subnet.public.cidr_block
}

output "availability_zone" {
  description = "Zone of the hosts."
  value       = aws_subnet.public.availability_zone
}

output "database_subnet_ids" {
  description = "Subnets of the database, in two zones."
  value       = aws_subnet.database[*].id
}
