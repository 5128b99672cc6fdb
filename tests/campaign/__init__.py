"""The differential campaign: random public calls, each compared with an exact answer.

``python tests/campaign --cases 100000 --seed 0`` runs it; see `campaign.run`.
"""
