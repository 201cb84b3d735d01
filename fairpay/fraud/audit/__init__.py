"""What a payout rule invites: accounts that never were, played against each rule on a month that was."""
