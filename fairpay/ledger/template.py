"""Template: the commented file a month is closed from. Every key is an option of `fairpay close`."""

from __future__ import annotations

__all__ = ["TEMPLATE"]

TEMPLATE = """\
# A month of the books, for: fairpay close --config month.toml
# Paths are seen from where the command is run. Amounts are text, so that no cent passes through a float.
# A flag on the command line, or a variable such as FAIRPAY_PERIOD, wins over this file.

[close]
period = "2026-10"          # the month; months are closed one after another
books = "books"             # the directory of all closed months

# Plays: files, globs or directories. Columns are found by their names, or named. A header alone closes a month in which
# nobody played: the money of pools waits as unallocated.
# columns = { user = "user_id", artist = "artist_id", country = "country", plan = "plan" }
log = ["plays.parquet"]

# Money: one line for each pool. Columns of pools.csv:
#   pool                    its name; else made of its keys
#   territory, offering, currency    what tells pools apart; empty stands for any
#   gross                   what was received, 125000.00
#   refund                  yes, where more was refunded than received: gross is below zero, artists owe their shares
#   deductions              "VAT 19% included; store fee 30%; promotion 1250.00"; percentages are of the price,
#                           the gross without what it includes: of 119.00 here 19.00 and 30.00; else "30% of gross"
#   royalty_rate            70%
#   rule                    the pool's own rule; else that of its policy, else `rule` below
#   policy                  the pool's own policy: a name, or a .toml file beside pools.csv; none: not even the month's
#   minimum_per_subscriber, subscribers    the least royalty: 0.50 for each of so many
#   payout_currency, fx_rate, fx_source, fx_date    to pay it in another currency
pools = "pools.csv"
# pool-by = "country,plan"  # else the keys that pools.csv uses
rule = "user-centric"       # fairpay rules lists them
# policy = "policy.toml"    # of pools that name none: play weights, boosts, thresholds, rule; fairpay rules lists them
# subscribers = "subscribers.csv"    # user, paid, and the keys: what each user paid weighs in user-centric pools

# What people decided and listeners state; each counts within a pool alone.
# decisions = "review.csv"  # the review of fairpay suspects, filled in: what is held waits as held
# history = "history.csv"   # user, artist, plays: a listener's past counts for kappa plays
# kappa = "20"
# wishes = "wishes.csv"     # user, artist, kind (gift, block, boost), amount
# delegations = "delegations.csv"    # user, delegate, share; both subscribers of the pool
# viscosity = "1/2"         # how much of delegated money is passed on at each step
# delegate-cap = "10"       # how many times the own fee a delegate may receive

# Who is paid: artists are their own payees unless these say otherwise.
# splits = "splits.csv"     # artist, payee, share: 1/3, 33.5%, 0.25; each must sum to exactly 1; track beside artist
# aliases = "aliases.csv"   # wrong, right
# artists = "artists.csv"   # known artists; money of all others waits as unmatched, with splits too
# unsplit = "suspend"       # money of artists without splits waits as unclaimed
# holds = "holds.csv"       # payee, reason: earns, and is not paid for now

# From balance to payment.
minimum-payment = "20.00"   # less is carried to the next month; or "EUR=20.00,USD=25.00"
# advances = "advances.csv" # payee, advance, amount, currency, period; keep old ones in
# recoup = "100%"           # the part of a balance that goes to an advance, to the nearest cent, a half to the even one
# reserve = "10%"           # the part of a month's earnings that is held, rounded alike
# reserve-months = 3        # and for how long
# fees = "fees.csv"         # payee, amount, currency, reason: this month's charges

# Files besides the ledger.
# excel = true              # CSV that is safe to open in a spreadsheet
# per-payee = true          # a statement for each payee
"""
