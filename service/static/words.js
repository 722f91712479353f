// What the page says, in Japanese and English. A text with {name} has a value put in.
// `phrases` are of the texts that the engine writes in English: what it waits for, what it notes on
// a comparison. Names of tables come from their declarations, texts of problems and causes from
// resources/problems.

import { TABLES } from './tables.js';

export const WORDS = {
  ja: {
    title: 'Backlog 同期', dagster: 'Dagster', report: 'レポート', language: 'English',
    signIn: 'サインイン', signOut: 'サインアウト', token: 'アクセストークン', close: '閉じる',

    allWell: 'すべて順調です', unknown: '接続を確認しています',
    disconnected: 'Backlog に接続できません',
    noDagster: 'Dagster が応答しません。定期実行は止まっています',
    needsOne: '1 件に対応が必要です', needsMany: '{count} 件に対応が必要です',
    openOne: '問題が 1 件あります', openMany: '問題が {count} 件あります',
    differing: '{projects} が Backlog と一致していません',
    late: '{projects} の同期が遅れています', andMore: ' ほか {count} 件',
    firstLoad: '最初のロードの途中です', nothingYet: 'まだ何も同期していません',
    conditions: {
      unreachable: '{space} に接続できません', refused: '{space} にアクセスを拒否されています',
      rate_limited: '{space} の API の上限が、ほかのプログラムに使い切られています',
    },

    began: '{time}から', connected: '{space} に接続中', simulated: '(シミュレーション)',
    lastSuccess: '最後に成功した同期 {time}', nextRun: '次の定期実行 {time} {job}',
    pausedCount: '停止中の定期実行 {count}', histories: '履歴を読んだ課題 {share}',
    atLeast: '残り {time}以上', limitLeft: 'API の残り({bucket}) {share}、{time} に回復',
    share: '{part} / {whole}', justNow: 'たった今',

    attention: '対応が必要', todo: '対処:', from: '{time}から', times: '{count} 回',
    retry: '失敗した分を読み直す', syncAgain: 'もう一度同期', openRun: '実行を開く',
    noCause: '原因は実行の画面で確認してください。',

    active: '実行中', queued: '待機中', starting: '起動中', running: '実行中',
    canceling: '中止しています', begun: '{time}に開始', log: 'ログ',
    noLog: 'まだ何も記録されていません。', cancel: '中止', cancelRun: '{title} を中止',
    ofTotal: '{done} / {total} {unit}', soFar: '{done} {unit}', rows: '件', issuesUnit: '課題',
    timeLeft: '残り約 {time}', waiting: '{what}を待っています', until: '{time} まで',

    projects: 'プロジェクト', projectCounts: '最新 {fresh} · 一致 {equal}', syncAll: 'すべて同期',
    project: 'プロジェクト', freshness: '最後の同期', proof: 'Backlog との一致', issues: '課題',
    action: '操作', syncNow: '同期', syncProject: '{project} の課題を同期',
    noProjects: 'プロジェクトはまだありません。「プロジェクト情報を同期」で読み込みます。',
    fresh: '最新', stale: '古い', notLoaded: '未同期', archived: 'アーカイブ済み',
    historyOf: '履歴 {share}', neverCompared: '未照合', equal: '一致', since: '{time} から',
    differs: '{count} 件が不一致', byRows: '{time}に全行を照合', byCount: '{time}に件数を照合',
    otherSyncs: 'ほかの同期', readAgain: '全件を読み直す', startProjects: 'プロジェクト情報を同期',
    allProjects: 'すべてのプロジェクト', any: 'すべて',

    timeline: 'タイムライン', now: '現在', filter: '絞り込み', type: '種類', status: '結果',
    bars: '直近 24 時間: 30 分ごとの {halves} 区間で実行、失敗 {failed} 回',
    successRate: '成功率 {rate}', runCount: '24 時間の実行 {count}', failedCount: '失敗 {count}',
    itemCount: '{count} 件', requestCount: 'API {count} 回',
    lastHour: '直近 1 時間: {count} 回', earlier: '{count} 回',
    more: 'さらに表示', noHistory: '同期の履歴はまだありません。',
    noMatch: '条件に合う同期はありません。', tablesOf: '実行 {run} のテーブル',
    mode: '方法', seconds: '時間', items: '件数', requests: 'API リクエスト', error: 'エラー',
    space: 'スペース全体', completed: '完了', failed: '失敗', canceled: '中止',
    in_progress: '実行中', interrupted: '中断',

    details: '詳細', schedules: '定期実行とセンサー', limits: 'API の上限', byType: '種類ごとの件数',
    job: '内容', next: '次回', every: '間隔', state: '状態', interval: '{time}ごと',
    looks: '変更を監視', on: '有効', off: '停止中', notSaid: '不明', pause: '停止',
    resume: '再開', pauseWhat: '{what} を停止', resumeWhat: '{what} を再開',
    bucket: '枠', left: '残り', reset: '回復', measured: '測定',
    noLimit: 'まだ測定していません。', runs: '実行', mean: '実行の平均時間',
    longest: '最長の実行', noneToday: '直近 24 時間の実行はありません。',

    startQuestion: '同期を始めますか？', startYes: '始める', startNo: 'やめる',
    confirmProjects:
      'スペース、プロジェクト、メンバー、種別や状態などのマスターをすべて読み直します。',
    confirmAll:
      'すべてのプロジェクトの課題とコメントのうち、前回の同期から変わったものを読みます。',
    confirmRetry: '失敗したバックフィルのパーティションを読み直します。',
    confirmFull: '{project} の課題とコメントをすべて読み直します。'
      + '件数が多いと時間がかかり、API の上限を消費します。',
    confirmAllFull: 'すべてのプロジェクトの課題とコメントをすべて読み直します。'
      + '長い時間がかかり、API の上限を多く消費します。',
    cancelQuestion: '実行を中止しますか？', cancelYes: '中止する', cancelNo: '続ける',
    confirmCancel:
      '「{title}」を中止します。読み終えた分は残り、次の同期が続きから読みます。',
    starts: {
      sending: '同期を始めています…', queued: '同期を始めました。順番を待っています…',
      starting: '同期を始めました。起動しています…', running: '同期を始めました。実行中です…',
      canceling: '同期を中止しています…', completed: '同期が完了しました。',
      failed: '同期が失敗しました。', canceled: '同期が中止されました。',
    },
    inMode: '({mode})', outcome: '{items} 件、API リクエスト {requests} 回、{time}。',

    buckets: { read: '読み取り', search: '検索', update: '更新', icon: 'アイコン' },
    sensors: {
      activity_feed: 'アクティビティの監視', webhook_inbox: 'Webhook の受信箱',
      marts_after_loads: 'マート作成(ロードの後)',
    },
    types: { ...TABLES.ja, checks: 'チェック' },
    phrases: {
      '{bucket} rate limit of Backlog': 'Backlog の API の上限({bucket})の回復',
      'other load of {table} to end': 'ほかの{table}のロードの終了',
      'other load of {table} of project {id} to end':
        'ほかの{table}のロード(プロジェクト {id})の終了',
      'run {run}, process {pid} on {host}, since {day} {time} UTC':
        '実行 {run}、{host} のプロセス {pid}、{day} {time} UTC から',
      'it changes too fast to be compared; try again when it is quieter':
        '変化が速すぎて照合できません(落ち着いたときにやり直してください)',
      'without comments': 'コメントを除く',
      'it is archived and lists no issues': 'アーカイブ済みで、課題が一覧に出ません',
      'not compared whole': '一部を照合できませんでした',
      '{count} in quarantine': '隔離中 {count} 件', '{count} created': '作成 {count} 件',
      '{count} deleted': '削除 {count} 件', '{count} changed': '変更 {count} 件',
      '{count} moved here': 'ほかからの移動 {count} 件',
      '{count} moved away': 'ほかへの移動 {count} 件',
      ' since the last load': '(最後のロードの後)',
    },
    modes: {
      incremental: '差分', backfill: '全件', full: '全件', targeted: '対象のみ',
      refresh: '順次読み直し', waiting: '待機', run: '実行', build: '作成',
    },
    jobs: {
      issues: '課題', projects: 'プロジェクト情報', users: 'ユーザー',
      targeted_sync: '対象を絞った同期', rolling_refresh: '順次読み直し', load: '全体のロード',
      run: '実行', count_reconciliation: '件数の照合', marts: 'マート作成',
      tokens: 'トークンの更新', housekeeping: '古い記録の整理',
      retry_failed_partitions: '失敗したパーティションの再実行', __ASSET_JOB: 'バックフィル',
    },
    errors: {
      unknown_language: '「{message}」という言語はありません。ブラウザーの言語で表示しています。',
      unreachable: 'サービスに接続できません。再接続しています…',
      no_answer: 'サービスから応答がありません。同期が始まったかどうかを下で確認してから、'
        + 'もう一度お試しください。',
      unauthorized: 'トークンが違います。',
      already_running: 'すでに同期中です。終わるのを待つか、「実行中」で中止してください。',
      already_ended: 'この実行はすでに終わっています。中止するものはありません。',
      not_cancelable: 'この実行はここから中止できません。コマンドで始めたロードは、'
        + 'そのターミナルで Ctrl+C を押してください。',
      unknown_project:
        'そのキーのプロジェクトがありません。新しいプロジェクトは 15 分以内に見つかります。',
      unknown_run: 'その実行はありません。',
      unknown_schedule:
        'この定期実行は Dagster にもうありません。ページを再読み込みしてください。',
      dagster_unreachable: 'Dagster に接続できません。backlog-elt up で起動するか、'
        + 'BACKLOG_DAGSTER_URL を直してください。',
      dagster_refused: 'Dagster が受け付けません。BACKLOG_DAGSTER_URL と '
        + 'BACKLOG_DAGSTER_LOCATION を確認してください。Dagster の応答: {message}',
      warehouse_unavailable: 'データベースを利用できません。データは失われていません。'
        + '復旧後に再び表示されます。詳細: {message}',
      space_unknown: 'どのスペースかまだ分かりません。一度ロードするか、'
        + 'サービスから BACKLOG_URL に接続できるようにしてください。',
      cross_site:
        'ほかのサイトからの操作は受け付けません。サービスのページから操作してください。',
      wrong_host: 'この宛先では応答しません。127.0.0.1 か localhost で開くか、'
        + 'BACKLOG_SERVICE_TOKEN を設定してください。',
      invalid_parameter: '指定を使えません。ページを再読み込みしてください。',
      not_found: 'このアドレスには何もありません。サービスとページの版が違う可能性があります。'
        + '再読み込みしてください。',
      unexpected: 'サービスでエラーが起きました。サービスのログを確認してください。',
    },
  },
  en: {
    title: 'Backlog sync', dagster: 'Dagster', report: 'Report', language: '日本語',
    signIn: 'Sign in', signOut: 'Sign out', token: 'Access token', close: 'Close',

    allWell: 'All is well', unknown: 'Checking the connection',
    disconnected: 'Backlog cannot be reached',
    noDagster: 'Dagster does not answer: nothing runs by itself',
    needsOne: 'One thing needs you', needsMany: '{count} things need you',
    openOne: 'There is a problem', openMany: 'There are {count} problems',
    differing: 'Not equal to Backlog: {projects}',
    late: 'Behind schedule: {projects}', andMore: ' and {count} more',
    firstLoad: 'The first load is at work', nothingYet: 'Nothing is synced yet',
    conditions: {
      unreachable: '{space} is unreachable', refused: '{space} refuses access',
      rate_limited: '{space}: other programs have used up the API limit',
    },

    began: 'began {time}', connected: 'Connected to {space}', simulated: ' (simulated)',
    lastSuccess: 'last successful sync {time}', nextRun: 'next at {time}: {job}',
    pausedCount: 'paused schedules: {count}', histories: 'histories read {share}',
    atLeast: 'at least {time} more', limitLeft: 'API limit left ({bucket}) {share}, full at {time}',
    share: '{part} / {whole}', justNow: 'just now',

    attention: 'Needs attention', todo: 'What to do:', from: 'began {time}',
    times: '{count} times', retry: 'Load what has failed', syncAgain: 'Sync again',
    openRun: 'Open the run', noCause: 'See the run for the cause.',

    active: 'Running', queued: 'queued', starting: 'starting', running: 'running',
    canceling: 'canceling', begun: 'began {time}', log: 'Log', noLog: 'Nothing is logged yet.',
    cancel: 'Cancel', cancelRun: 'Cancel {title}',
    ofTotal: '{done} of {total} {unit}', soFar: '{done} {unit}', rows: 'rows',
    issuesUnit: 'issues', timeLeft: 'about {time} left', waiting: 'waits for the {what}',
    until: 'until {time}',

    projects: 'Projects', projectCounts: 'fresh {fresh} · equal {equal}', syncAll: 'Sync all',
    project: 'Project', freshness: 'Last sync', proof: 'Equal to Backlog', issues: 'Issues',
    action: 'Action', syncNow: 'Sync', syncProject: 'Sync the issues of {project}',
    noProjects: 'No project yet. “Sync projects” reads them.',
    fresh: 'fresh', stale: 'stale', notLoaded: 'not synced yet', archived: 'archived',
    historyOf: 'histories {share}', neverCompared: 'not compared yet', equal: 'equal',
    since: 'since {time}', differs: '{count} rows differ', byRows: 'all rows compared {time}',
    byCount: 'counted {time}', otherSyncs: 'Other syncs', readAgain: 'Read everything again',
    startProjects: 'Sync projects', allProjects: 'All projects', any: 'all',

    timeline: 'Timeline', now: 'now', filter: 'Filter', type: 'Type', status: 'Result',
    bars: 'Last 24 hours: at work in {halves} half hours, {failed} failed',
    successRate: 'success rate {rate}', runCount: 'runs in 24 h: {count}',
    failedCount: 'failed: {count}', itemCount: '{count} rows', requestCount: '{count} requests',
    lastHour: 'last hour: {count}', earlier: '{count} runs',
    more: 'Show more', noHistory: 'No sync yet.', noMatch: 'No sync matches the filter.',
    tablesOf: 'Tables of the run {run}', mode: 'Mode', seconds: 'Duration', items: 'Rows',
    requests: 'API requests', error: 'Error', space: 'whole space', completed: 'completed',
    failed: 'Failed', canceled: 'canceled', in_progress: 'running',
    interrupted: 'interrupted',

    details: 'Details', schedules: 'Schedules and sensors', limits: 'API limits',
    byType: 'Figures by type', job: 'What', next: 'Next', every: 'Interval', state: 'State',
    interval: 'every {time}', looks: 'watches for changes', on: 'on', off: 'off',
    notSaid: 'unknown', pause: 'Pause', resume: 'Resume', pauseWhat: 'Pause {what}',
    resumeWhat: 'Resume {what}', bucket: 'Bucket', left: 'Left', reset: 'Full again',
    measured: 'Measured', noLimit: 'Not measured yet.', runs: 'Runs',
    mean: 'Mean run', longest: 'Longest run',
    noneToday: 'Nothing has run in the last 24 hours.',

    startQuestion: 'Start a sync?', startYes: 'Start', startNo: 'Not now',
    confirmProjects:
      'Reads the whole space again: its projects, their members and their master data.',
    confirmAll:
      'Reads the issues and comments of all projects that have changed since the last sync.',
    confirmRetry: 'Reads the partitions again that backfills have left failed.',
    confirmFull: 'Reads all issues and comments of {project} again. '
      + 'If there are many, this takes long and uses up the API limit.',
    confirmAllFull: 'Reads all issues and comments of all projects again. '
      + 'This takes long and uses up much of the API limit.',
    cancelQuestion: 'Cancel the run?', cancelYes: 'Cancel the run', cancelNo: 'Let it run',
    confirmCancel: 'Cancels the run “{title}”. What it has read stays, '
      + 'and the next sync continues from there.',
    starts: {
      sending: 'Starting the sync…',
      queued: 'The sync has been started. It is waiting in the queue…',
      starting: 'The sync has been started. It is starting up…',
      running: 'The sync has been started. It is running…',
      canceling: 'The sync is being canceled…', completed: 'The sync is complete.',
      failed: 'The sync has failed:', canceled: 'The sync was canceled.',
    },
    inMode: ' ({mode})', outcome: '{items} rows, {requests} API requests, {time}.',

    buckets: {},
    sensors: {
      activity_feed: 'activity feed', webhook_inbox: 'webhook inbox',
      marts_after_loads: 'marts, after loads',
    },
    types: TABLES.en, modes: {}, phrases: {},
    jobs: { run: 'run', load: 'full load', __ASSET_JOB: 'backfill' },
    errors: {
      unknown_language: 'There is no language “{message}”: the page is in that of the browser.',
      unreachable: 'The service cannot be reached. Trying again…',
      no_answer: 'The service did not answer. Check below whether the sync has started, '
        + 'then try again.',
      unauthorized: 'The token is wrong.',
      already_running: 'A sync is already running. Wait for it, or cancel it under “Running”.',
      already_ended: 'This run has already ended. There is nothing to cancel.',
      not_cancelable: 'This run cannot be canceled from here. '
        + 'End a load at a command line there, with Ctrl+C. Details: {message}',
      unknown_project: 'No project has this key. A new project appears within 15 minutes.',
      unknown_run: 'There is no such run.',
      unknown_schedule: 'This schedule is not in Dagster any more. Reload the page.',
      dagster_unreachable: 'Dagster cannot be reached. '
        + 'Start it with backlog-elt up, or correct BACKLOG_DAGSTER_URL.',
      dagster_refused: 'Dagster refused the request. Check BACKLOG_DAGSTER_URL and '
        + 'BACKLOG_DAGSTER_LOCATION. Dagster says: {message}',
      warehouse_unavailable: 'The database cannot be used. No data is lost. '
        + 'The page continues when the database is back. Details: {message}',
      space_unknown: 'The space is not known yet. Load once, or make sure that the service can '
        + 'reach BACKLOG_URL.',
      cross_site: 'Requests from other sites are refused. Use the page of the service.',
      wrong_host: 'The service does not answer at this address. '
        + 'Open it at 127.0.0.1 or localhost, or set BACKLOG_SERVICE_TOKEN.',
      invalid_parameter: 'This cannot be used: {message} {hint}',
      not_found: 'There is nothing at this address. '
        + 'The service and the page may have different versions: reload the page.',
      unexpected: 'The service has failed. See its log.',
    },
  },
};
