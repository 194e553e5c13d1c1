"""No method of the API is without a place in the panel, a job that calls it and a browser test that drives it."""

from hosting.api import EXTENSIONS, METHODS
from hosting.jobs import Job
from tests import api_coverage
from tests.processes import Provider

SERVED = """
from hosting.provider import methods
from hosting.provider.methods.registry import METHODS
print(*METHODS)
"""


def test_client_knows_every_method_of_the_provider(provider: Provider) -> None:
    about_itself = {"system.listMethods", "system.methodSignature", "system.methodHelp"}
    assert set(provider.shell(SERVED).split()) == {*METHODS, *EXTENSIONS} | about_itself


def test_every_method_has_a_page_a_job_and_a_browser_test() -> None:
    assert api_coverage.WHERE.keys() == set(api_coverage.covered())
    addresses, driven = api_coverage.routes(), api_coverage.drivers()
    jobs = {job.value.rpartition(".")[2] for job in Job}
    for method, use in api_coverage.WHERE.items():
        assert use.pages, method
        assert use.jobs, method
        assert set(use.pages) <= addresses.keys(), method
        assert set(use.jobs) <= jobs, method
    assert driven.keys() == set(api_coverage.covered())


def test_document_matches_the_code() -> None:
    assert api_coverage.DOCUMENT.read_text(encoding="utf-8") == api_coverage.document(), "make docs"
