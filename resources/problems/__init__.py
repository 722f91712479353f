"""Problems that are reported to people, as codes with parameters.

`alert_texts.py` has the texts of each code, `cause_table.py` the reasons of failures and what to
do, both in English and Japanese. `problem.py` combines them, and `names.py` names partitions and
runs. `causes.py` has the errors that carry the code of a cause.
The terminal, the page, alerts and `status` use these texts.
"""
