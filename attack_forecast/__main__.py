"""`python -m attack_forecast`: the command line."""

from attack_forecast import main

main()
