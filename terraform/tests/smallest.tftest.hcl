# One host with everything. AWS is whatever the environment names: `make terraform_test` starts a local stand-in.
variables {
  release            = "0123456789abcdef0123456789abcdef01234567"
  alarm_email        = "somebody@example.com"
  monthly_budget_usd = 100
  hosts              = { all = { side = "both", instance_type = "t3.large", disk_gib = 40 } }
}

run "one_host" {
  command = plan

  assert {
    condition     = length(module.host) == 1 && length(module.database) == 0
    error_message = "One host and no database are expected."
  }

  assert {
    condition     = length(local.ingress.training) == 0 && length(local.ingress.serving) == 0
    error_message = "Without service_cidrs nothing may come in."
  }

  assert {
    condition     = local.settings["serving/SERVICE_BIND_HOST"] == "127.0.0.1"
    error_message = "Without service_cidrs the service must listen on 127.0.0.1."
  }

  assert {
    condition     = !contains(keys(local.settings), "training/MLFLOW_BIND_HOST")
    error_message = "On one host MLflow must stay on 127.0.0.1."
  }
}

run "opened_to_one_network" {
  command = plan

  variables {
    service_cidrs = ["203.0.113.0/24"]
  }

  assert {
    condition     = [for rule in values(local.ingress.serving) : "${rule.cidr}:${rule.port}"] == ["203.0.113.0/24:5000"]
    error_message = "Exactly the service's port is open, to exactly that network."
  }

  assert {
    condition     = length(local.ingress.training) == 0
    error_message = "Opening the service must not open MLflow, Airflow or PostgreSQL."
  }
}

run "with_a_certificate" {
  command = plan

  variables {
    service_cidrs = ["203.0.113.0/24"]
    service_tls   = true
  }

  assert {
    condition     = [for rule in values(local.ingress.serving) : rule.port] == [5443]
    error_message = "With TLS clients reach 5443 only."
  }
}

run "costs_add_up" {
  command = plan

  assert {
    condition     = abs(output.monthly_costs_usd.total_usd - sum([for line in values(output.monthly_costs_usd.lines) : line.quantity * line.price])) < 0.001
    error_message = "The total must be the sum of quantities times prices."
  }
}

run "no_total_without_every_price" {
  command = plan

  variables {
    hosts = { all = { side = "both", instance_type = "m5.xlarge", disk_gib = 40 } }
  }

  assert {
    condition     = output.monthly_costs_usd.total_usd == null
    error_message = "A sum that leaves a host out would mislead."
  }
}
