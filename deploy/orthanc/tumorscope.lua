-- Sends the MR series of a study to tumorscope once the study is stable, each series once.
-- A series that cannot be sent is tried again when the next study is stable, and at each heartbeat
-- of an Orthanc that has one (LuaHeartBeatPeriod), as long as Orthanc runs.
-- Research use only. Not a medical device.

local SENT = '4444' -- user-defined metadata of Orthanc, any number from 1024 on
local waiting = {}

local function send(seriesId, count)
  local request = { Resources = { seriesId }, Synchronous = true }
  if RestApiPost('/modalities/tumorscope/store', DumpJson(request)) == nil then
    waiting[seriesId] = count
  else
    waiting[seriesId] = nil
    RestApiPut('/series/' .. seriesId .. '/metadata/' .. SENT, count)
  end
end

local function sendWaiting()
  local due = {}
  for seriesId, count in pairs(waiting) do due[seriesId] = count end
  for seriesId, count in pairs(due) do send(seriesId, count) end
end

function OnStableStudy(studyId, tags, metadata)
  sendWaiting()
  for _, seriesId in pairs(ParseJson(RestApiGet('/studies/' .. studyId))['Series']) do
    local series = ParseJson(RestApiGet('/series/' .. seriesId))
    local known = ParseJson(RestApiGet('/series/' .. seriesId .. '/metadata?expand'))
    local count = tostring(#series['Instances'])
    if series['MainDicomTags']['Modality'] == 'MR' and known[SENT] ~= count then
      send(seriesId, count)
    end
  end
end

function OnHeartBeat()
  sendWaiting()
end
