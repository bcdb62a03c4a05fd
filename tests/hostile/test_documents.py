"""Documents made to mislead or to overwhelm: one clear, printable refusal each, or a set that holds its limits."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.arm.read_file import MOST_BYTES, MOST_DEPTH, read_file_bytes, read_file_documents
from engine.arm.read_policy import is_policy, read_policy
from engine.arm.read_scale_set import LoadBalancerDocument, read_document, to_scale_set
from engine.arm.write_scale_set import scale_set_answer
from engine.model.errors import InputError
from engine.model.scale_set import ScaleSet
from engine.wire.state import dump, load

DATA = Path(__file__).parents[1] / "data" / "azure"
FILE = "we\x1b[31mb\u202e.json"
SHOWN = r"we\x1b[31mb\u202e.json"
LONGEST_MESSAGE = 2_000

EXTENSIONS = [
    {
        "name": "health",
        "properties": {
            "publisher": "Microsoft.ManagedServices",
            "type": "ApplicationHealthLinux",
            "typeHandlerVersion": "2.0",
            "settings": {
                "protocol": "http",
                "port": 80,
                "requestPath": "/h",
                "intervalInSeconds": 5,
                "gracePeriod": 60,
            },
        },
    },
    {
        "name": "setup",
        "properties": {
            "publisher": "Microsoft.Azure.Extensions",
            "type": "CustomScript",
            "typeHandlerVersion": "2.1",
            "provisionAfterExtensions": ["health"],
            "settings": {"fileUris": ["file:/x"], "commandToExecute": "sh x"},
        },
    },
]
SET = {
    "type": "Microsoft.Compute/virtualMachineScaleSets",
    "apiVersion": "2024-11-01",
    "name": "web",
    "location": "westeurope",
    "tags": {"environment": "test", "rollset-port": "8080"},
    "zones": ["1", "2"],
    "sku": {"name": "Local", "tier": "Standard", "capacity": 3},
    "properties": {
        "orchestrationMode": "Uniform",
        "platformFaultDomainCount": 1,
        "upgradePolicy": {
            "mode": "Rolling",
            "rollingUpgradePolicy": {
                "maxBatchInstancePercent": 20,
                "maxUnhealthyInstancePercent": 20,
                "maxUnhealthyUpgradedInstancePercent": 20,
                "pauseTimeBetweenBatches": "PT0S",
                "enableCrossZoneUpgrade": "false",
            },
            "automaticOSUpgradePolicy": {"enableAutomaticOSUpgrade": True, "disableAutomaticRollback": False},
        },
        "virtualMachineProfile": {
            "osProfile": {"adminUsername": "ana", "adminPassword": "x"},
            "storageProfile": {
                "imageReference": {"publisher": "p", "offer": "o", "sku": "s", "version": "latest"},
                "dataDisks": [{"lun": 0}],
            },
            "extensionProfile": {"extensionsTimeBudget": "PT1H30M", "extensions": EXTENSIONS},
        },
    },
}
BALANCER = {
    "type": "Microsoft.Network/loadBalancers",
    "name": "lb",
    "properties": {
        "probes": [
            {"name": "p", "properties": {"protocol": "Http", "port": 80, "requestPath": "/", "numberOfProbes": 2}}
        ]
    },
}
POLICY = {
    "kind": "rollset.policy/v1",
    "name": "p",
    "scaleSets": ["web-*"],
    "healthWindow": "PT5M",
    "restoreFailed": "always",
    "maxBatchInstancePercent": 20,
}
CREATED = [
    {"type": "Microsoft.Compute/virtualMachineScaleSets", "name": "web"}
    | json.loads((DATA / f"VirtualMachineScaleSet_Create_{name}.json").read_text())["parameters"]["parameters"]
    for name in ("WithAutomaticRepairs", "WithLifecycleHooksProfile", "WithExtensionsSuppressFailuresEnabled")
]
NASTY: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        [
            None, True, False, -1, 0, 1.5, 10**30, 10**60, -(10**12), 1e308, float("nan"), float("inf"),
            "", " ", "\x00", "\x1b[2J", "\x9b31m", "\u202etxet", "\u2028", "\ud800", "é" * 300, "a" * 5_000, "latest",
            "[parameters('x')]", "../../etc/passwd", "PT1S", "P1Y", "-PT1S", "PT99999999999S", "PT0.000000001S",
            [], {}, [[]], [{}], {"": ""}, {"\x1b]0;x\x07": 1}, {"a": {"b": {"c": None}}}, [None], ["x", "x"],
        ]
    ),
    st.integers(),
    st.text(max_size=20),
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)  # fmt: skip


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in below:
        found += paths(item, (*path, name))
    return found


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A real document with one to four places replaced, taken away, renamed or added to."""
    document = json.loads(json.dumps(draw(st.sampled_from([SET, BALANCER, POLICY, *CREATED]))))
    for _ in range(draw(st.integers(1, 4))):
        able = paths(document)
        if not able:
            break
        *way, last = draw(st.sampled_from(able))
        holder = document
        for name in way:
            holder = holder[name]
        act = draw(st.sampled_from(("replace", "replace", "take", "rename", "add")))
        if act == "replace":
            holder[last] = copy.deepcopy(draw(NASTY))
        elif act == "take" or isinstance(holder, list):
            del holder[last]
        elif act == "rename":
            holder[draw(st.sampled_from((f"{last}s", str(last).upper(), "\x1bx", "")))] = holder.pop(last)
        else:
            holder[draw(st.text(max_size=8))] = copy.deepcopy(draw(NASTY))
    return document


def read(document: Any) -> None:
    """What `apply` does with a document before anything is decided."""
    if is_policy(document):
        read_policy(document, FILE)
        return
    found = read_document(document, FILE)
    if isinstance(found, LoadBalancerDocument):
        return
    scale_set = to_scale_set(found, probes={})
    policy = scale_set.model.policy
    assert 0 <= scale_set.capacity <= 1000 and 5 <= policy.max_batch_instance_percent <= 100
    assert load(ScaleSet, dump(scale_set)) == scale_set, "what is read can be stored"
    json.dumps(scale_set_answer(scale_set)).encode()
    for extension in scale_set.model.extensions:
        json.loads(extension.settings_json)


def is_clear(error: InputError) -> None:
    """One printable line that names the file, and a way out."""
    assert error.message.startswith(SHOWN), error.message
    assert error.message.isprintable() and error.next_step.isprintable()
    assert error.next_step and len(error.message) <= LONGEST_MESSAGE


@settings(max_examples=800, deadline=None)
@given(mutated())
def test_a_mutated_document_is_read_or_refused_clearly(document: Any) -> None:
    try:
        read(document)
    except InputError as error:
        is_clear(error)


@settings(max_examples=200, deadline=None)
@given(mutated())
def test_a_mutated_file_is_read_or_refused_clearly(document: Any) -> None:
    try:
        for found in read_file_documents(json.dumps(document), FILE):
            read(found)
    except InputError as error:
        is_clear(error)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_refused_clearly(content: bytes) -> None:
    try:
        for found in read_file_bytes(content, FILE):
            read(found)
    except InputError as error:
        is_clear(error)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_file_cut_or_scratched_anywhere_is_refused_clearly(data: st.DataObject) -> None:
    content = bytearray(json.dumps([SET, BALANCER, POLICY]).encode())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[place:]
    else:
        content[place] = data.draw(st.integers(0, 255))
    try:
        for found in read_file_bytes(bytes(content), FILE):
            read(found)
    except InputError as error:
        is_clear(error)


@pytest.mark.parametrize(
    ("content", "words"),
    (
        (b"", "it is empty"),
        (b"  \n ", "it is empty"),
        (b"{", "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b"// a comment\n{}", "a comment at line 1; JSON has none"),
        (b'{\n  /* why */ "a": 1}', "a comment at line 2; JSON has none"),
        ('{"name": "web"}'.encode("utf-16"), "it is UTF-16"),
        ('{"name": "web"}'.encode("utf-16-le"), "not JSON"),
        (b'{"name": "\xff"}', "it is not UTF-8 at byte 10"),
        (b'{"a": 1, "a": 2}', "the name 'a' stands twice"),
        (b'{"\\u001b[31m": 1, "\\u001b[31m": 2}', r"the name '\\x1b[31m' stands twice"),
        (b'{"a": NaN}', "NaN is not a JSON value"),
        (b"[-Infinity]", "-Infinity is not a JSON value"),
        (b'{"type": ' + b"9" * 5_000 + b"}", "it has a number with too many digits"),
        (b'{"a": ' + b"9" * 100 + b"}", "a is a number of more than 128 bits"),
        (b'{"a": 1e999}', "a is inf; it must be a finite number"),
        (b"[" * 100_000, "it is nested deeper than"),
        (b'{"a":' * (MOST_DEPTH + 1) + b"1" + b"}" * (MOST_DEPTH + 1), "it is nested deeper than"),
        (b"7", "the document is 7; it must be an object or a list of objects"),
        (b'[{"type": "x"}, 7]', "[1] is 7; it must be an object"),
        (b'{"resources": {}}', "resources is {}; it must be an object or a list"),
        (b"[" + b"{}," * 1_000 + b"{}]", "it has 1001 resources"),
        (b'{"resources": [{"name": "[parameters(\'x\')]"}]}', "expressions of a template are not worked out"),
        (b" " * (MOST_BYTES + 1), "it is longer than"),
    ),
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_why(content: bytes, words: str) -> None:
    with pytest.raises(InputError) as refusal:
        read_file_bytes(content, FILE)

    is_clear(refusal.value)
    assert words in refusal.value.message


def test_ten_megabytes_are_refused() -> None:
    for content in (
        json.dumps(SET | {"tags": {"a": "x" * 10_000_000}}),
        json.dumps([SET] * 6_000),
        json.dumps(SET | {"plan": {str(n): [n] * 5 for n in range(200_000)}}),
        '"' + "\\u0000" * 1_600_000 + '"',
        "[" + "1," * 2_000_000 + "1]",
    ):
        with pytest.raises(InputError) as refusal:
            read_file_bytes(content.encode(), FILE)
        is_clear(refusal.value)


def test_a_name_close_to_none_is_refused_however_long() -> None:
    with pytest.raises(InputError) as refusal:
        read_document(SET | {"x" * 1_000_000: 1}, FILE)
    is_clear(refusal.value)


@pytest.mark.parametrize(
    ("change", "words"),
    (
        ({"name": "\x1b]0;owned\x07"}, r"name is '\x1b]0;owned\x07'"),
        ({"name": "web\u202e"}, r"name is 'web\u202e'"),
        ({"name": "we\x9bb"}, r"name is 'we\x9bb'"),
        ({"name": "a" * 64}, "it must be 1 to 63 letters"),
        (
            {"id": "/subscriptions/x/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/other"},
            "id is",
        ),
        ({"location": ["x"]}, 'location is ["x"]; it must be a printable text'),
        ({"sku": {"capacity": 1_001}}, "sku.capacity is 1001; it must be a whole number from 0 to 1000"),
        ({"sku": {"capacity": 3.0}}, "sku.capacity is 3.0"),
        ({"sku": {"capacity": True}}, "sku.capacity is true"),
        ({"sku": {}}, "sku.capacity is absent"),
        ({"sku": {"capacity": "3"}}, "sku.capacity is '3'"),
        ({"zones": ["1", "1"]}, 'zones is ["1", "1"]; it must be different zones'),
        ({"zones": "1"}, "zones is '1'; it must be a list of texts"),
        ({"tags": "a"}, "tags is 'a'; it must be an object of texts"),
        ({"tags": {"a": 1}}, "tags.a is 1; it must be a printable text"),
        ({"tags": {"b": "x", "a": "x" * 513}}, "it must be a printable text, its name and it of at most 512 letters"),
        ({"platformFaultDomainCount": 5}, "its place is properties.platformFaultDomainCount"),
        ({"tags": {"rollset-port": "70000"}}, "tags.rollset-port is '70000'"),
        ({"properties": {}}, "is absent; it must be a printable text"),
        ({"Properties": {}}, "Properties is not a name Azure knows; did you mean properties?"),
        ({"type": "Microsoft.Web/sites"}, "type is 'Microsoft.Web/sites'; it must be Microsoft.Compute/"),
    ),
)
def test_a_wrong_value_is_named_with_what_it_must_be(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as refusal:
        read(SET | change)

    is_clear(refusal.value)
    assert words in refusal.value.message


def test_a_command_that_no_process_can_be_given_is_refused() -> None:
    document = json.loads(json.dumps(SET))
    script = document["properties"]["virtualMachineProfile"]["extensionProfile"]["extensions"][1]
    script["properties"]["settings"]["commandToExecute"] = "echo \ud800"

    with pytest.raises(InputError) as refusal:
        read(document)
    is_clear(refusal.value)
