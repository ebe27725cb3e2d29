"""What does an oversight body ask? Answers, findings, and their evidence.

servicer.py   the calls              asking.py    requests to questions, answers to messages
"""
