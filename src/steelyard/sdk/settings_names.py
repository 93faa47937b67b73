"""Names under which settings are known to `wandb`: variables, and fields without a meaning here.

Source: wandb 0.31.0 sdk/wandb_settings.py (fields, update_from_env_vars) and env.py.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Field → what follows WANDB_ (or STEELYARD_) in further variables, the strongest last.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "app_url_override": ("APP_URL",),
    "root_dir": ("DIR",),
    "run_name": ("NAME",),
    "run_notes": ("DESCRIPTION", "NOTES"),
    "run_tags": ("TAGS",),
    "run_job_type": ("JOB_TYPE",),
    "email": ("USER_EMAIL",),
    "data_dir": ("CLIENT_DATA_DIR",),
    "x_graphql_timeout_seconds": ("HTTP_TIMEOUT",),
}

#: Field → variables without a prefix that set it, weaker than all others.
PLAIN_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "http_proxy": ("http_proxy", "HTTP_PROXY"),
    "https_proxy": ("https_proxy", "HTTPS_PROXY"),
    "no_proxy": ("no_proxy", "NO_PROXY"),
    "netrc_file": ("NETRC",),
}

#: Not read with our prefix, because `steelyard up` reads another setting from that variable.
ENVIRONMENT_ONLY_WANDB = frozenset({"HOST", "DATA_DIR"})

#: Fields of `wandb.Settings` that are accepted and do nothing: they tune parts of that client
#: which ours does not have, or name services of its vendor.
IGNORED = frozenset(
    {
        "allow_media_symlink",
        "allow_offline_artifacts",
        "anonymous",
        "azure_account_url_to_access_key",
        "console_chunk_max_bytes",
        "console_chunk_max_seconds",
        "credentials_file",
        "disable_git_fork_point",
        "disable_job_creation",
        "identity_token_file",
        "job_name",
        "job_source",
        "label_disable",
        "launch",
        "launch_config_path",
        "login_server",
        "organization",
        "program_abspath",
        "program_relpath",
        "resumed",
        "sagemaker_disable",
        "settings_system",
        "show_colors",
        "start_method",
        "stop_on_fatal_error",
        "summary_timeout",
        "use_dot_wandb",
        "x_cli_only_mode",
        "x_disable_service",
        "x_disable_setproctitle",
        "x_disable_viewer",
        "x_executable",
        "x_file_stream_max_bytes",
        "x_file_stream_max_line_bytes",
        "x_file_stream_no_gzip",
        "x_file_stream_retry_max",
        "x_file_stream_retry_wait_max_seconds",
        "x_file_stream_retry_wait_min_seconds",
        "x_file_stream_timeout_seconds",
        "x_file_transfer_retry_max",
        "x_file_transfer_retry_wait_max_seconds",
        "x_file_transfer_retry_wait_min_seconds",
        "x_file_transfer_timeout_seconds",
        "x_files_dir",
        "x_flow_control_custom",
        "x_flow_control_disabled",
        "x_graphql_retry_max",
        "x_graphql_retry_wait_max_seconds",
        "x_graphql_retry_wait_min_seconds",
        "x_history_value_encoding",
        "x_internal_check_process",
        "x_jupyter_name",
        "x_jupyter_path",
        "x_jupyter_root",
        "x_live_policy_rate_limit",
        "x_live_policy_wait_time",
        "x_log_level",
        "x_network_buffer",
        "x_proxies",
        "x_require_legacy_service",
        "x_runqueue_item_id",
        "x_server_side_derived_summary",
        "x_service_transport",
        "x_service_wait",
        "x_skip_transaction_log",
        "x_start_time",
        "x_stats_buffer_size",
        "x_stats_coreweave_metadata_base_url",
        "x_stats_coreweave_metadata_endpoint",
        "x_stats_dcgm_exporter",
        "x_stats_neuron_monitor_config_path",
        "x_stats_pid",
        "x_stats_self_usage",
        "x_sync",
        "x_sync_dir_suffix",
    }
)
