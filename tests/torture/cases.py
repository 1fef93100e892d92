"""
The 46 fault cases 故障案例: what may go wrong, and by what it is shown that it does no harm.

A proof is the name of a part (``torture deadline``) or of an everyday test (``tests/…::test_…``); a house test looks
whether there is such a thing. What isn't shown, or only in part, says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from torture.harness import Said


@dataclass(frozen=True, slots=True)
class Case:
    """
    One fault case.

    Attributes:
        number: 1 to 46.
        what: the fault.
        proofs: what shows the behaviour.
        open: what is not shown and why, empty when nothing is left.
    """

    number: int
    what: Said
    proofs: tuple[str, ...]
    open: str = ""


def _case(number: int, zh: str, en: str, *proofs: str, left: str = "") -> Case:
    return Case(number, Said(zh, en), proofs, left)


ADAPTERS = "tests/adapters"
WEB = "tests/web_core"
SEALING = "tests/sealing/test_sealing.py"
TAMPERING = "tests/verifier/test_tampering.py"
STORE = f"{ADAPTERS}/test_store_contract.py"

CASES: tuple[Case, ...] = (
    _case(
        1,
        "截止前后 ±1 毫秒递交",
        "a bid 1 ms before, at and after the deadline",
        "torture deadline",
        f"{TAMPERING}::test_the_last_millisecond_is_in_time_and_the_deadline_is_not",
    ),
    _case(
        2,
        "截止前开始、截止后传完",
        "an upload begun before the deadline and ended after it",
        "torture deadline",
        "tests/stories/ciphertext_after_the_deadline.txt",
    ),
    _case(
        3,
        "事务跨越开标",
        "a transaction that stalls across the opening",
        "torture deadline",
        "torture simulation",
        f"{ADAPTERS}/test_sql_store.py::test_no_bid_is_accepted_behind_the_frozen_set",
    ),
    _case(
        4,
        "时钟回拨",
        "a clock that is set back",
        "torture deadline",
        f"{ADAPTERS}/test_clock.py::test_a_step_either_way_is_suspect_for_good",
    ),
    _case(
        5,
        "时钟前跳",
        "a clock that jumps forward",
        "torture deadline",
        f"{ADAPTERS}/test_clock.py::test_a_step_is_seen_at_the_next_tick",
    ),
    _case(
        6,
        "闰秒、无时区、亚毫秒等时间写法",
        "leap seconds, times without zone, finer than milliseconds",
        "torture deadline",
        "tests/log/test_receipts.py::test_instants_are_cut_not_rounded_so_that_none_moves_to_the_deadline",
    ),
    _case(
        7,
        "重复点击、超时重试、同键不同文",
        "double clicks, retries, one key for two bodies",
        "torture concurrency",
        "torture simulation",
        "tests/api/test_repeats.py::test_a_key_is_for_one_record_and_the_second_is_not_stored",
    ),
    _case(
        8,
        "撤回、替换与截止或开标竞争",
        "withdrawing or replacing against the deadline or the opening",
        "torture deadline",
        "torture simulation",
        "tests/stories/replacement_at_the_deadline.txt",
    ),
    _case(
        9,
        "任一写系统调用处被杀",
        "killed at any write of submit, open, score, award, issue",
        "torture kill-points",
        "torture simulation",
    ),
    _case(10, "断电", "a power cut", "torture power-cut"),
    _case(11, "磁盘满、读写错误", "a full disk, an error of write or sync", "torture kill-points"),
    _case(
        12,
        "数据库重启、提交后断线",
        "a database that restarts; a connection lost after the commit",
        "torture concurrency",
        "torture simulation",
        f"{ADAPTERS}/test_sql_store.py::test_a_store_recovers_from_lost_connections",
    ),
    _case(
        13,
        "主备切换、旧主复活",
        "failover, and the old primary comes back",
        "torture failover",
        f"{ADAPTERS}/test_fence.py::test_a_failover_is_followed_and_the_old_server_is_refused_when_it_returns",
    ),
    _case(
        14,
        "从落后的副本读取",
        "reading from a replica that is behind",
        "torture failover",
        f"{ADAPTERS}/test_fence.py::test_nothing_is_read_from_a_standby",
    ),
    _case(
        15,
        "续传：乱序、重叠、重复、两个标签页",
        "resumed uploads: out of order, overlapping, repeated, two tabs",
        "torture concurrency",
        f"{WEB}/test_uploads.py::test_two_writers_of_one_upload_do_not_harm_each_other",
    ),
    _case(
        16,
        "开标执行两次、密钥重放",
        "an opening run twice, a key shown again",
        "torture concurrency",
        "torture simulation",
        "tests/desk/test_opening_once.py",
    ),
    _case(
        17,
        "投标人或保管方缺席",
        "a bidder or custodian who does not come to the opening",
        f"{SEALING}::test_every_subset_of_custodians_opens_and_no_smaller_one_does",
        "tests/stories/absent_bidder_opened_by_custodians.txt",
    ),
    _case(
        18,
        "复制他人密文",
        "a rival copies another's ciphertext",
        f"{SEALING}::test_a_ciphertext_bound_to_another_bid_is_refused",
        f"{SEALING}::test_a_stolen_ciphertext_names_its_owner",
        "tests/stories/copied_ciphertext.txt",
    ),
    _case(
        19,
        "数据库管理员改、删、插、换行或回滚",
        "the database administrator edits, deletes, inserts, swaps, rolls back",
        "torture tamper",
    ),
    _case(
        20,
        "用平台密钥重建整条日志",
        "the whole log rebuilt with the platform's key",
        "torture tamper",
        f"{TAMPERING}::test_a_chain_rebuilt_with_stolen_keys_lacks_its_witnesses",
    ),
    _case(
        21,
        "分叉视图",
        "a different log shown to A and to B",
        "torture tamper",
        "tests/log/test_witness.py::test_a_second_history_is_never_cosigned",
    ),
    _case(
        22,
        "改动文件、模板、保函",
        "files, templates and letters changed",
        "torture tamper",
        "tests/pdf/test_verify.py::test_a_flipped_bit_anywhere_is_refused",
    ),
    _case(
        23,
        "标准目录被篡改",
        "the catalogue tampered with",
        "torture tamper",
        "tests/standards/test_catalogue.py::test_a_swapped_reference_changes_the_digest",
        left="publishing with the signatures of two officers comes with the catalogue's releases",
    ),
    _case(
        24,
        "恶意标准",
        "a hostile schema",
        "torture bad-input",
        "tests/standards/test_lint.py::test_a_schema_that_breaks_a_lint_is_found",
        "tests/standards/test_catalogue.py::test_a_hostile_file_is_refused_not_parsed",
    ),
    _case(
        25,
        "恶意 JSON",
        "hostile JSON",
        "torture bad-input",
        f"{WEB}/test_guards.py::test_h2_hostile_bodies_are_refused_with_the_rule_they_break",
    ),
    _case(
        26,
        "HTML、PDF 注入与 SSRF",
        "injection into pages and letters, requests forged through them",
        "torture browser",
        "tests/pdf/test_render.py::test_mark_up_in_data_is_printed_as_text",
    ),
    _case(27, "页面脚本注入", "scripts in pages", "torture browser"),
    _case(
        28,
        "CSV/XLSX 公式注入",
        "formulas in exported tables",
        "torture bad-input",
        "tests/pages/test_pages.py::test_csv_has_no_formulas",
        left="nothing is exported as XLSX",
    ),
    _case(
        29,
        "越权访问、批量赋值、字段泄露",
        "other people's objects, mass assignment, leaking fields",
        "torture permission",
        f"{WEB}/test_permissions.py",
        "tests/desk/test_reading.py",
    ),
    _case(
        30,
        "会话固定、盗用、在线改权",
        "session fixation, theft, roles changed while logged in",
        "torture permission",
        f"{WEB}/test_accounts.py::test_h1_every_login_makes_a_new_session_and_ends_the_one_at_hand",
    ),
    _case(
        31,
        "CSRF、Cookie 投掷、跨站套接字、点击劫持",
        "forged requests, planted cookies, sockets of others, clickjacking",
        "torture permission",
        "torture browser",
        f"{WEB}/test_guards.py::test_h7_a_socket_from_another_site_is_not_opened",
    ),
    _case(
        32,
        "撞库与以锁定为武器",
        "guessing passwords, and locking a rival out",
        f"{WEB}/test_accounts.py::test_case_32_guessing_is_slowed_and_the_victim_is_not",
        f"{WEB}/test_accounts.py::test_case_32_certificates_and_tokens_are_not_slowed",
    ),
    _case(
        33,
        "最后一分钟洪峰、一户独占",
        "a flood in the last minute, one client that hogs",
        "tests/desk/test_fair.py::test_one_item_waits_for_at_most_one_of_every_other_lane",
        "./run bench rush",
    ),
    _case(
        34,
        "开标前泄露投标人或数量",
        "who bids or how many leaks before the opening",
        "torture secrecy",
        "tests/secrecy/test_dump.py",
    ),
    _case(
        35,
        "担保机构获知并出售",
        "a guarantor learns and sells who bids",
        "torture secrecy",
        "tests/secrecy/test_dump.py",
    ),
    _case(
        36,
        "保函伪造、重用、撤销、回调重复",
        "a letter forged, used twice, cancelled, issued twice by a repeated call-back",
        "torture concurrency",
        "torture simulation",
        "tests/pdf/test_verify.py::test_an_update_that_covers_the_amount_is_refused_though_the_signature_is_valid",
        "tests/stories/guarantee_too_small_or_too_short.txt",
    ),
    _case(
        37,
        "专家身份泄露与利益冲突",
        "experts' identities leak; conflicts of interest",
        "torture permission",
        "tests/stories/recusal_and_replacement.txt",
        "tests/stories/draw_of_experts.txt",
    ),
    _case(
        38,
        "锁定前见分、锁定后改分",
        "scores seen before one's own are locked, or changed after",
        "torture partition",
        "torture simulation",
        f"{TAMPERING}::test_a_score_shown_before_all_had_committed_is_found",
        "tests/stories/lost_link_keeps_locked_scores.txt",
    ),
    _case(
        39,
        "评标中城市断网",
        "a city is cut off during the evaluation",
        "torture partition",
        "torture simulation",
        "tests/stories/lost_link_keeps_locked_scores.txt",
    ),
    _case(
        40,
        "竞价：狙击、断线、延时竞价",
        "auctions: sniping, disconnects, extensions",
        left="there is no auction procedure yet",
    ),
    _case(
        41,
        "终端木马换价",
        "malware on the bidder's computer swaps the price",
        "tests/sealing/test_bidder_tool.py::test_a_swapped_price_shows_in_the_read_back",
        left="reading back on a second device comes with sealing in the browser",
    ),
    _case(
        42,
        "备份覆盖、部分恢复、密钥丢失",
        "a backup restored over the live log, in part, or without keys",
        "torture failover",
    ),
    _case(
        43,
        "密钥口令落入日志、网址、库",
        "secrets in logs, addresses and databases",
        "torture secrecy",
        f"{WEB}/test_accounts.py::test_only_digests_of_secrets_are_stored",
    ),
    _case(
        44,
        "依赖供应链",
        "the supply chain of dependencies",
        "tests/house/test_torture.py::test_every_dependency_is_locked_by_hash",
        left="no known-vulnerability scan is claimed: it needs a network",
    ),
    _case(
        45,
        "日志注入、删除",
        "lines forged in or deleted from logs",
        "torture bad-input",
        f"{WEB}/test_guards.py::test_case_43_the_access_log_has_these_fields_and_no_others",
        left="the access log is JSON lines without a chain; what counts is the record log, which has one (case 19)",
    ),
    _case(
        46,
        "金额舍入、合计不符、大写不符",
        "money: rounding, sums, amounts in words",
        "torture bad-input",
        "tests/rules/test_scoring.py",
        "tests/pdf/test_verify.py::test_page_and_data_must_agree",
    ),
)
