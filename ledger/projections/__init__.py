"""From events to answers: pure folds, no database.

uses.py       what is said of one use    questions.py  what can be asked
answers.py    the answer, from entries alone
"""
