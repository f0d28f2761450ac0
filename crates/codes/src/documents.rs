//! Files that could not be read.

use crate::{Area, Code, code};

pub(crate) const AREA: Area = Area {
    title: "Documents",
    note: "These stand in `last_error` of a file in a knowledge base. The file can be added again after the cause is gone.",
    codes: CODES,
};

const CODES: &[Code] = &[
    code(
        "empty_file",
        &[],
        ["The file is empty.", "Choose a file with content."],
        ["这个文件是空的。", "请选择有内容的文件。"],
    ),
    code(
        "malformed",
        &[],
        [
            "The file is not written as its format demands.",
            "Correct it at the line and column that are named and upload it again.",
        ],
        ["文件内容不符合其格式。", "请在提示的行和列处改正后重新上传。"],
    ),
    code(
        "no_text",
        &[],
        ["No text was found in the file; it may be a scan.", "Run text recognition (OCR) on it and upload it again."],
        ["文件里没有可读取的文字，可能是扫描件。", "请先做文字识别（OCR）再上传。"],
    ),
    code(
        "no_walls",
        &[],
        [
            "Files are not read on this machine, because its kernel cannot isolate the process that reads them.",
            "Use a kernel with seccomp.",
        ],
        ["这台机器的内核无法隔离文件读取程序，因此不读取文件。", "请使用支持 seccomp 的内核。"],
    ),
    code(
        "parse_memory",
        &[],
        ["Reading the file needed too much memory.", "Split it, or save it anew; or raise the limit in `[knowledge]`."],
        ["读取这个文件所需内存过大。", "请拆分或另存后再上传，或在 `[knowledge]` 中调高上限。"],
    ),
    code(
        "parse_timeout",
        &[],
        ["Reading the file took too long.", "Split it into smaller files, or raise the limit in `[knowledge]`."],
        ["读取这个文件用时过长。", "请拆分成较小的文件，或在 `[knowledge]` 中调高上限。"],
    ),
    code(
        "partly_read",
        &[],
        [
            "Part of the file could not be read and was left out; the rest is searchable.",
            "Correct what is named and upload the file again, or leave it.",
        ],
        ["文件中有一部分无法读取，已略过；其余内容可以检索。", "请改正提示之处后重新上传，或保持现状。"],
    ),
    code(
        "pdf_broken",
        &[],
        ["The PDF is damaged and cannot be opened.", "Open it in a viewer, print it to a new PDF and upload that."],
        ["PDF 已损坏，无法打开。", "请用阅读器打开，另存为新的 PDF 后再上传。"],
    ),
    code(
        "pdf_encrypted",
        &[],
        ["The PDF is protected by a password.", "Save a copy without the password and upload that."],
        ["这个 PDF 设有密码。", "请另存为不带密码的副本后再上传。"],
    ),
    code(
        "too_large",
        &[413],
        [
            "The file or the request is larger than the server takes.",
            "Split it, or ask an administrator to raise the limit.",
        ],
        ["文件或请求太大，服务器无法接收。", "请拆分，或请管理员调高上限。"],
    ),
    code(
        "unsupported_type",
        &[],
        ["This kind of file cannot be read.", "Upload PDF, HTML, Markdown, CSV, JSON, JSON Lines or plain text."],
        ["不支持这种文件。", "请上传 PDF、HTML、Markdown、CSV、JSON、JSON Lines 或纯文本文件。"],
    ),
];
