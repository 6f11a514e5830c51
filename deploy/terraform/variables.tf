variable "account_id" {
  description = "The twelve digits of the account the bucket belongs to."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account is named by twelve digits."
  }
}

variable "region" {
  description = "Where the bucket is. Material is stored in the United Kingdom, and London is Amazon's region there."
  type        = string
  default     = "eu-west-2"

  validation {
    condition     = var.region == "eu-west-2"
    error_message = "The participants were promised storage in the United Kingdom: the region is eu-west-2."
  }
}

variable "bucket" {
  description = "The bucket's name. It holds one vault and nothing else."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "A bucket's name is 3 to 63 lower-case letters, digits and hyphens; a dot breaks TLS."
  }
}

variable "gateway" {
  description = "What the gateway acts as: \"role\" for a machine in this account, \"user\" for a machine elsewhere."
  type        = string
  default     = "role"

  validation {
    condition     = contains(["role", "user"], var.gateway)
    error_message = "The gateway acts as a \"role\" or as a \"user\"."
  }
}

variable "allowed_networks" {
  description = "Addresses (CIDR) from which objects may be read and written; empty for no such rule."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for network in var.allowed_networks : can(cidrhost(network, 0))])
    error_message = "Every allowed network is written as CIDR, such as 203.0.113.0/24."
  }
}

variable "noncurrent_days" {
  description = "How long a deleted or overwritten version is kept that the gateway did not delete itself."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_days >= 1 && var.noncurrent_days <= 90
    error_message = "Between 1 and 90 days: a certificate of erasure must not be followed by ciphertext for longer."
  }
}
