import inspect
import re

from fittingroom import errors


def test_the_tree_in_the_docstring_is_the_tree_in_the_code():
    drawn = re.findall(r"^\s*(?:[│├└─ ]*)(\w+Error)\b", errors.__doc__ or "", re.MULTILINE)
    defined = [
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.FittingRoomError)
    ]
    assert sorted(drawn) == sorted(defined)


def test_exit_codes_tell_wrong_usage_from_failure():
    assert errors.UsageError("x").exit_code == 2
    assert errors.DataNotFoundError("x").exit_code == 1


def test_did_you_mean_suggests_only_what_resembles():
    assert errors.did_you_mean("cmn", ["ann", "cnn"]) == " Did you mean 'cnn'?"
    assert errors.did_you_mean("transformer", ["ann", "cnn"]) == ""


def test_missing_extra_names_package_and_remedy():
    error = errors.missing_extra(ModuleNotFoundError("No module", name="torch"), "train")
    assert "'torch'" in str(error)
    assert "fittingroom[train]" in str(error)
