# Two hosts and a database.
variables {
  release            = "0123456789abcdef0123456789abcdef01234567"
  alarm_email        = "somebody@example.com"
  monthly_budget_usd = 400
  github_repository  = "somebody/vehicle-price"
  service_cidrs      = ["203.0.113.0/24"]
  protected          = false

  hosts = {
    training = { side = "training", instance_type = "m5.large", disk_gib = 60 }
    serving  = { side = "serving", instance_type = "t3.large", disk_gib = 40 }
  }
}

run "without_a_database" {
  command = plan

  assert {
    condition     = local.settings["training/POSTGRES_BIND_HOST"] == local.training_ip && local.ingress.training.postgres.cidr == "${local.serving_ip}/32"
    error_message = "PostgreSQL of the training host is reached by the serving host, and by nobody else."
  }
}

run "applied" {
  command = apply

  assert {
    condition     = local.training_ip != local.serving_ip && local.settings["serving/MLFLOW_TRACKING_URI"] == "http://${local.training_ip}:5001"
    error_message = "The serving host must find MLflow on the training host."
  }

  assert {
    condition     = local.settings["training/MLFLOW_ALLOWED_HOSTS"] == "${local.training_ip}:5001"
    error_message = "MLflow refuses requests by a name that it does not know."
  }

  assert {
    condition     = alltrue([for rule in values(local.ingress.training) : rule.cidr == "${local.serving_ip}/32"])
    error_message = "Only the serving host may reach the training host."
  }

  assert {
    condition     = !strcontains(output.host_policies.serving, "parameter/vehicle-price/training") && !strcontains(output.host_policies.training, "parameter/vehicle-price/serving")
    error_message = "A host must not read the other side's secrets."
  }

  assert {
    condition = alltrue(flatten([
      for policy in values(output.host_policies) : [
        for statement in jsondecode(policy).Statement : statement.Resource != "*" || contains(["SessionManager", "SignInToRegistry"], statement.Sid)
      ]
    ]))
    error_message = "Only actions that have no resource may name \"*\"."
  }

  assert {
    condition = alltrue(flatten([
      for policy in values(output.host_policies) : [
        for statement in jsondecode(policy).Statement : !anytrue([for action in flatten([statement.Action]) : strcontains(action, "*")])
      ]
    ]))
    error_message = "Every action must be named."
  }

  assert {
    condition = alltrue([
      for statement in jsondecode(output.host_policies.serving).Statement :
      !startswith(statement.Sid, "WriteObjects") || statement.Resource == "arn:aws:s3:::${output.bucket_names.data}/data/archive/*"
    ])
    error_message = "The serving host may write the archive of predictions, and no other object."
  }
}

run "without_github" {
  command = plan

  variables {
    github_repository = ""
  }

  assert {
    condition     = output.github_role_arn == null
    error_message = "Without a repository there is no role for GitHub."
  }
}
