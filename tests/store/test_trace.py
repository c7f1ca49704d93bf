"""Traces of requests as the public ones are written."""

import pytest

from aios_top.model.load import TraceRow
from aios_top.store.paths import StoreError
from aios_top.store.trace import read_trace

AZURE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:50.9951690,396,109
2023-11-16 18:15:48.0000000,10,5
"""
BURST = """Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type
5,ChatGPT,472,18,490,Conversation log
45,ChatGPT,1087,230,1317,Conversation log
118,GPT-4,417,0,417,API log
120.5,GPT-4,417,276,693,API log
"""


def written(tmp_path, text):
    path = tmp_path / "trace.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_azures_columns_in_order_of_time_from_the_first_request(tmp_path):
    rows = read_trace(written(tmp_path, AZURE))
    assert [(round(row.at, 4), row.input_tokens, row.output_tokens) for row in rows] == [
        (0.0, 374, 44), (1.3194, 10, 5), (4.3146, 396, 109),
    ]  # fmt: skip


def test_burstgpts_columns_without_requests_that_had_no_answer(tmp_path):
    expected = (TraceRow(0.0, 472, 18), TraceRow(40.0, 1087, 230), TraceRow(115.5, 417, 276))
    assert read_trace(written(tmp_path, BURST)) == expected


def test_no_more_rows_than_wanted_are_read(tmp_path):
    assert len(read_trace(written(tmp_path, BURST + "garbage\n"), 3)) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1 has not the columns timestamp, contexttokens, generatedtokens or"),
        ("a,b\n1,2\n", "line 1 has not the columns"),
        (BURST.splitlines()[0] + "\n", "holds no request with a prompt and an answer"),
        (BURST + "yesterday,m,1,1,2,x\n", "line 6: 'yesterday' is no time"),
        (BURST + "nan,m,1,1,2,x\n", "line 6: 'nan' is no time"),
        (BURST + "130,m,-1,1,2,x\n", "line 6: '-1' is no number of tokens"),
        (BURST + "130,m,1.5,1,2,x\n", "line 6: '1.5' is no number of tokens"),
        (BURST + "130,m\n", "line 6:"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_what_is_no_trace_is_refused_with_its_line(tmp_path, text, message):
    path = written(tmp_path, text)
    with pytest.raises(StoreError) as caught:
        read_trace(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_a_file_that_is_not_there_and_a_folder_are_named(tmp_path):
    for path, found in ((tmp_path / "none.csv", "no such file"), (tmp_path, "not a regular file")):
        with pytest.raises(StoreError, match=found):
            read_trace(path)
