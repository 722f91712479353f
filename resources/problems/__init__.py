"""Problems that people are told of, as codes with parameters.

`problem_texts.py` has what is said of each code, `causes.py` why something failed and what to do,
both in English and Japanese; `problem.py` puts them together; `names.py` names partitions and runs.
The terminal, the page, alerts and `status` take their texts from here.
"""
