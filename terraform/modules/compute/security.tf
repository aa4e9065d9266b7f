resource "aws_security_group" "this" {
  name        = "${var.project}-${var.name}"
  description = "Host ${var.name}: ${var.side}. No SSH; Session Manager needs no open port."
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.project}-${var.name}" }
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each = var.ingress

  security_group_id = aws_security_group.this.id
  description       = each.value.description
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

# Packages, AWS's interfaces, Kaggle and web hooks; and what var.egress_ports adds.
resource "aws_vpc_security_group_egress_rule" "internet" {
  for_each = toset([for port in setunion([80, 443], var.egress_ports) : tostring(port)])

  security_group_id = aws_security_group.this.id
  description       = "TCP ${each.value} anywhere"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = tonumber(each.value)
  to_port           = tonumber(each.value)
}

# The other host and the database; their own groups decide what comes in.
resource "aws_vpc_security_group_egress_rule" "network" {
  security_group_id = aws_security_group.this.id
  description       = "TCP inside the VPC"
  cidr_ipv4         = var.vpc_cidr
  ip_protocol       = "tcp"
  from_port         = 1024
  to_port           = 65535
}
