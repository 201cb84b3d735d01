"""What changes plays before the rule: policies, history, wishes, delegations, decisions."""
