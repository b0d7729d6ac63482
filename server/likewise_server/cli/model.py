"""``likewise model``: building encoders, and training the vote; what models there are, and their cards.

What builds needs the extra ``likewise[models]``; what lists, shows and compares does not.
"""

import typer

from likewise_server.cli.model_ablation import ablate_vote
from likewise_server.cli.model_compare import compare_encoders
from likewise_server.cli.model_distil import distil
from likewise_server.cli.model_export import export, prune, quantise
from likewise_server.cli.model_shelf import list_models, show_card
from likewise_server.cli.model_tune import tune
from likewise_server.cli.model_vote import train_vote

model_app = typer.Typer(
    help="List, show, build and compare the models: encoders of texts, and the vote.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

model_app.command("list")(list_models)
model_app.command("card")(show_card)
model_app.command("compare")(compare_encoders)

model_app.command("export")(export)
model_app.command("quantise")(quantise)
model_app.command("prune")(prune)
model_app.command("distil")(distil)
model_app.command()(tune)
model_app.command("train-vote")(train_vote)
model_app.command("ablate-vote")(ablate_vote)
