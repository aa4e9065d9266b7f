# Each variable refuses what could not work, before anything is made.
variables {
  release            = "0123456789abcdef0123456789abcdef01234567"
  alarm_email        = "somebody@example.com"
  monthly_budget_usd = 100
  hosts              = { all = { side = "both", instance_type = "t3.large", disk_gib = 40 } }
}

run "two_hosts_of_one_side" {
  command = plan

  variables {
    hosts = { a = { side = "serving", instance_type = "t3.large", disk_gib = 40 }, b = { side = "serving", instance_type = "t3.large", disk_gib = 40 } }
  }

  expect_failures = [var.hosts]
}

run "training_without_serving" {
  command = plan

  variables {
    hosts = { a = { side = "training", instance_type = "t3.large", disk_gib = 40 } }
  }

  expect_failures = [var.hosts]
}

run "a_small_disk" {
  command = plan

  variables {
    hosts = { all = { side = "both", instance_type = "t3.large", disk_gib = 8 } }
  }

  expect_failures = [var.hosts]
}

run "a_database_without_backups" {
  command = plan

  variables {
    database = { instance_class = "db.t4g.small", storage_gib = 20, max_storage_gib = 100, backup_days = 0, multi_az = false }
  }

  expect_failures = [var.database]
}

run "a_database_that_cannot_grow" {
  command = plan

  variables {
    database = { instance_class = "db.t4g.small", storage_gib = 20, max_storage_gib = 20, backup_days = 7, multi_az = false }
  }

  expect_failures = [var.database]
}

run "a_secret_among_the_settings" {
  command = plan

  variables {
    settings = { KAGGLE_API_TOKEN = "x" }
  }

  expect_failures = [var.settings]
}

run "a_setting_of_two_lines" {
  command = plan

  variables {
    settings = { SOURCE = "a\nb" }
  }

  expect_failures = [var.settings]
}

run "a_release_that_is_a_branch" {
  command = plan

  variables {
    release = "main"
  }

  expect_failures = [var.release]
}

run "an_address_as_repository" {
  command = plan

  variables {
    github_repository = "https://github.com/somebody/vehicle-price"
  }

  expect_failures = [var.github_repository]
}

run "a_network_without_size" {
  command = plan

  variables {
    service_cidrs = ["203.0.113.1"]
  }

  expect_failures = [var.service_cidrs]
}

run "a_small_network" {
  command = plan

  variables {
    vpc_cidr = "10.0.0.0/24"
  }

  expect_failures = [var.vpc_cidr]
}

run "no_address_for_alarms" {
  command = plan

  variables {
    alarm_email = "somebody"
  }

  expect_failures = [var.alarm_email]
}

run "a_budget_of_nothing" {
  command = plan

  variables {
    monthly_budget_usd = 0
  }

  expect_failures = [var.monthly_budget_usd]
}

run "a_name_in_capitals" {
  command = plan

  variables {
    project = "Vehicle_Price"
  }

  expect_failures = [var.project]
}

run "half_a_version" {
  command = plan

  variables {
    secrets_version = 1.5
  }

  expect_failures = [var.secrets_version]
}

run "a_port_of_nothing" {
  command = plan

  variables {
    egress_ports = [0]
  }

  expect_failures = [var.egress_ports]
}
