"""From events to answers: pure folds, no database.

uses.py       what is said of one use    questions.py  what can be asked
registers.py  what the registers were told
answers.py    the answer, from entries alone
"""
