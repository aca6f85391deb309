from dataclasses import replace

from fittingroom.jobs.evaluate import evaluate
from fittingroom.jobs.report import report, write
from fittingroom.jobs.session import Session
from fittingroom.runs import open_run


def test_a_report_draws_the_curves_of_all_seeds(run_copy, sample, tmp_path, monkeypatch):
    written = {}
    monkeypatch.setattr(
        "fittingroom.jobs.report.write_report", lambda out, **all: written.update(all)
    )
    first = evaluate(open_run(run_copy), purpose="report", session=Session(sample, threads=1))
    assert first.run is not None
    other = replace(first, run=replace(first.run, seed=1))
    write(tmp_path / "report", {"mine": (first, other)}, sample, None)
    (model,) = written["models"]
    assert [run.seed for run in (model.run, *model.others)] == [0, 1]


def test_the_map_is_drawn_by_tsne_where_it_is_asked_for(run_copy, sample, tmp_path):
    session = Session(sample, threads=1)
    pages = [
        report([run_copy], out=tmp_path / f"{tsne}", tsne=tsne, session=session).read_text("utf-8")
        for tsne in (True, False)
    ]
    assert ["By t-SNE of its features" in page for page in pages] == [True, False]
