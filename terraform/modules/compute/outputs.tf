output "instance_id" {
  description = "EC2 instance."
  value       = aws_instance.this.id
}

output "private_ip" {
  description = "Address inside the VPC."
  value       = aws_instance.this.private_ip
}

output "public_ip" {
  description = "Public address."
  value       = var.fixed_address ? aws_eip.this[0].public_ip : aws_instance.this.public_ip
}
