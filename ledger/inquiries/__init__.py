"""What does an oversight body ask, and what does the record answer? The numbered questions.

asked.py      a question with its parameters      world.py    entries, folded for all of them
scoping.py    parameters as a condition on uses   table.py    the questions, each compiled
answering.py  the answer, from entries alone      facts.py    answers from the registers
"""
