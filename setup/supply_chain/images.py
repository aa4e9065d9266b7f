"""What is installed in an image, as a bill of materials."""

from collections.abc import Iterable, Mapping

from setup.docker import engine, images
from setup.supply_chain.sbom import Components, bom, debian_package, distribution
from setup.supply_chain.vulnerabilities import DEBIAN, PYTHON, packages_of_image


def references(variables: Mapping[str, str]) -> dict[str, str]:
    """The images of the project that the engine has, by part; none without an engine."""
    if engine.problem():
        return {}
    named = {name: images.reference(image, variables) for name, image in images.OWN.items()}
    return {name: reference for name, reference in named.items() if images.is_here(reference)}


def image_bom(reference: str, known: Components) -> dict:
    """The Python distributions and Debian packages of an image. known: with licences."""
    return bom(reference, components(packages_of_image(reference), known))


def components(packages: Iterable[Mapping], known: Components) -> list[dict]:
    """Packages of osv-scanner's report as components, each once."""
    found = {}
    for package in packages:
        kind, _, release = package.get("ecosystem", "").partition(":")
        name, version = package["name"], package["version"]
        if kind == PYTHON:
            component = distribution(name, version, known)
        elif kind == DEBIAN:
            binary = package.get("os_package_name") or name
            component = debian_package(binary, version, name, release)
        else:
            continue  # the project's own code, and what has no registry
        found[component["bom-ref"]] = component
    return list(found.values())
