resource "aws_ecr_repository" "this" {
  #checkov:skip=CKV_AWS_136:Encrypted with AES-256 by default; images hold no data and no secret.
  for_each = var.repositories

  name                 = "${var.project}/${each.value}"
  image_tag_mutability = "IMMUTABLE" # a tag is a commit; what was tested under it is what runs
  force_delete         = !var.protected

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  for_each = aws_ecr_repository.this

  repository = each.value.name
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Layers without a tag come from broken pushes"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 7 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "Keep the newest ${var.kept_images}, for rollbacks"
        selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = var.kept_images }
        action       = { type = "expire" }
      },
    ]
  })
}
