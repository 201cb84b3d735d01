"""What can be asked of fairpay: each option, its default and its range."""
